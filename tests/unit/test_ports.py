"""Stacks that start at the same moment share no port, and a port is free again when its stack is gone."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.errors import ConfigurationError
from infra import ports, stack
from infra.ports import Ports

STACKS = 6
NAMES = {"worklist", "temporal", "fhir", "gateway", "dispatcher", "worker"}
FEW = range(15_000, 15_000 + 2 * STACKS * len(NAMES))
"""So few to choose from that by chance alone some would be chosen twice."""
STARTS = """
import os, sys
from pathlib import Path
from infra import ports, stack

stack.WORKLIST_PORT, ports.CHOICE, ports.OUTGOING = int(sys.argv[1]), range(*map(int, sys.argv[2:4])), Path("nowhere")
start, all_are_there = os.pipe()
for state in sys.argv[4:]:
    if not os.fork():
        os.close(all_are_there)
        os.read(start, 1)
        reserved = ports.Ports()
        try:
            stack.prepare(Path(state), reserved)
        finally:
            os.write(1, f"{os.getpid()} {state}\\n".encode())
        sys.stdin.read()
        os._exit(0)
os.close(all_are_there)
for _ in sys.argv[4:]:
    os.wait()
"""


@pytest.fixture
def worklist_port(monkeypatch: pytest.MonkeyPatch) -> int:
    """A free port in the place of 8420, at which somebody may listen on this machine."""
    with Ports() as reserved:
        port = reserved.choose()
    monkeypatch.setattr(stack, "WORKLIST_PORT", port)
    return port


@pytest.fixture
def stacks(tmp_path: Path, worklist_port: int) -> Iterator[dict[Path, int]]:
    """Processes that chose ports for their states at the same moment, and do not listen at them yet."""
    states = [str(tmp_path / f"state-{number}") for number in range(STACKS)]
    argv = [sys.executable, "-c", STARTS, str(worklist_port), str(FEW.start), str(FEW.stop), *states]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout
        lines = [starter.stdout.readline().split() for _ in states]
        yield {Path(state): int(pid) for pid, state in lines}
        starter.communicate(timeout=10)


def remembered(state: Path) -> dict[str, int]:
    return json.loads((state / stack.PORTS).read_text())


def test_stacks_that_start_at_the_same_moment_share_no_port(stacks: dict[Path, int], worklist_port: int) -> None:
    chosen = [remembered(state) for state in stacks]
    assert len(chosen) == STACKS and all(set(each) == NAMES for each in chosen)
    every = [port for each in chosen for port in each.values()]
    assert len(set(every)) == len(every), sorted(every)
    assert [each["worklist"] for each in chosen].count(worklist_port) == 1, "the first one has the usual address"


def test_a_remembered_port_of_another_stack_is_refused_until_that_one_is_gone(
    stacks: dict[Path, int], tmp_path: Path
) -> None:
    other, pid = next(iter(stacks.items()))
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / stack.PORTS).write_text((other / stack.PORTS).read_text())
    with Ports() as reserved, pytest.raises(ConfigurationError, match=r"port_in_use: port \d+ of \w+: end what uses"):
        stack.prepare(copy, reserved)
    os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + 5
    with Ports() as reserved:
        for port in remembered(other).values():
            while not reserved.take(port):
                assert time.monotonic() < end, "the kernel gives them back, even after -9"
                time.sleep(0.01)


def test_a_port_is_reserved_until_it_is_given_up() -> None:
    with Ports() as ours, Ports() as theirs:
        port = ours.choose()
        assert not theirs.take(port)
        ours.release(port)
        assert theirs.take(port)
    with Ports() as later:
        assert later.take(port)


def test_a_port_at_which_somebody_listens_is_not_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, Ports() as ours:
        port = listening.getsockname()[1]
        assert not ours.take(port)
        listening.close()
        assert ours.take(port), "and what was not taken is not reserved"


def test_no_port_is_chosen_that_an_outgoing_connection_may_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "range"
    monkeypatch.setattr(ports, "OUTGOING", told)
    monkeypatch.setattr(ports, "CHOICE", range(15_000, 15_020))
    told.write_text("15001\t60999\n")
    with Ports() as ours:
        assert ours.choose() == 15_000
    told.write_text("1024\t65535\n")
    with Ports() as ours:
        assert ours.choose() in range(15_000, 15_020), "all of them may, so any must do"
