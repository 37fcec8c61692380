"""How a process ends, tried with real processes and signals."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[4]
SERVER = """
import asyncio, sys, time
from fastapi import FastAPI
from service.process import connections, lifecycle
from service.process.loops import beside

async def hang():
    print("begun", flush=True)
    await asyncio.to_thread(time.sleep, float(sys.argv[2]))
    return 0.0

async def work(stop):
    app = FastAPI(lifespan=beside({"hang": hang}, lambda name: None))
    await connections.serve(app, int(sys.argv[1]), stop)
    if "forever" in sys.argv:
        await asyncio.sleep(60)
    print("drained", flush=True)

lifecycle.run("test", work)
"""
ENDS_WITHIN_S = 8.0
"""As long as `infra.processes` waits before it kills."""


def started(port: int, *arguments: str) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-c", SERVER, str(port), *arguments]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def test_a_process_drains_and_ends_by_one_signal_though_a_thread_hangs() -> None:
    process = started(0, "30")
    assert process.stdout and process.stdout.readline() == "begun\n"
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "drained\n")
    assert time.monotonic() - begun < ENDS_WITHIN_S


def test_a_second_signal_ends_a_process_at_once() -> None:
    process = started(0, "0.1", "forever")
    assert process.stdout and process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130


def test_a_port_in_use_is_named_in_one_line() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        process = started(port, "0.1")
        out, err = process.communicate(timeout=30)
    assert process.returncode == 2 and "drained" not in out
    assert err.splitlines()[-1] == f"wardflow: port_in_use: port {port}: end what uses it"
