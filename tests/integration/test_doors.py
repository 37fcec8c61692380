"""Attackers at our own doors: a web page on this machine, a stranger without a session, and another user of it."""

import asyncio
import json
import os
import re
import resource
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
import redis
import uvicorn
from starlette.types import Receive, Scope, Send

from infra import stack
from infra.ports import Ports
from integrations.live.worklist import STREAM
from service.process import connections, settings
from service.process.state_folder import open_to_others
from tests.ward import NURSE, Ward

pytestmark = pytest.mark.integration
MB = 1024 * 1024


def resident_mb(ward: Ward, part: str) -> float:
    lines = Path(f"/proc/{ward.pid(part)}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def ports(ward: Ward) -> tuple[int, int]:
    return ward.settings.parts.worklist_port, ward.settings.parts.gateway_port


@contextmanager
def wire(port: int, head: str, **headers: str) -> Iterator[socket.socket]:
    lines = [head, f"Host: 127.0.0.1:{port}", *(f"{name.replace('_', '-')}: {v}" for name, v in headers.items())]
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        yield connection


def read_all(connection: socket.socket) -> bytes:
    read = b""
    try:
        while part := connection.recv(65536):
            read += part
    except ConnectionResetError:
        pass
    return read


def test_a_page_whose_name_was_made_to_resolve_here_reads_and_writes_nothing(ward: Ward) -> None:
    row = ward.suggested(ward.admit("doors-1", hr=80))
    cookie = {"Cookie": f"wardflow_user={ward.page().cookies['wardflow_user']}"}
    for port in ports(ward):
        for path in ("/", "/api/cases", f"/cases/{row['case_id']}", "/events", "/livez", "/readyz", "/metrics"):
            headers = cookie | {"Host": f"evil.test:{port}"}
            assert httpx.get(f"http://127.0.0.1:{port}{path}", headers=headers).status_code == 400, path
    evil = f"evil.test:{ports(ward)[0]}"
    headers = cookie | {"Host": evil, "Origin": f"http://{evil}", "Sec-Fetch-Site": "same-origin"}
    for path, form in (("/login", {"user_id": NURSE}), (f"/cases/{row['case_id']}/decision", {"kind": "approve"})):
        assert httpx.post(f"http://127.0.0.1:{ports(ward)[0]}{path}", data=form, headers=headers).status_code == 400


def test_a_form_of_another_page_writes_nothing(ward: Ward) -> None:
    row = ward.suggested(ward.admit("doors-2", hr=80))
    cookie = {"Cookie": f"wardflow_user={ward.page().cookies['wardflow_user']}"}
    form = {"kind": "approve", "version": row["version"], "shown_hash": row["suggestion_hash"], "decision_id": "x"}
    url = f"http://127.0.0.1:{ports(ward)[0]}/cases/{row['case_id']}/decision"
    for foreign in ({}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:9"}, {"Sec-Fetch-Site": "cross-site"}):
        assert httpx.post(url, data=form, headers=cookie | foreign).status_code == 403
    listed = ward.listed("doors-2")
    assert listed and listed["state"] == "open"
    assert ward.decide(row).status_code == 200, "our own page still writes"


def test_what_redis_holds_is_neither_html_nor_the_end_of_the_stream(ward: Ward) -> None:
    case_id = ward.suggested(ward.admit("doors-3", hr=80))["case_id"]
    assert ward.settings.parts.redis_url.startswith("unix://"), "no port that a browser or another user can reach"
    forged = 'x\n\ndata: <div hx-post="/cases/1/decision" hx-trigger="load">\n\n'
    with (
        closing(redis.Redis.from_url(ward.settings.parts.redis_url)) as client,
        ward.page().stream("GET", "/events?since=0-0") as answer,
    ):
        client.xadd(STREAM, {"case": forged})
        client.xadd(STREAM, {"other": "x"})
        client.xadd(STREAM, {"case": b"\xff\xfe"})
        ward.world.live.publish(case_id)
        read = ""
        for text in answer.iter_text():
            read += text
            if "heartbeat" in read:  # which comes when nothing more waits
                break
    assert case_id in read and "<" not in read
    messages = [message.split("\n") for message in read.strip().split("\n\n")]
    assert all(len(lines) == 3 and lines[1].startswith("event: ") for lines in messages), read
    assert ward.page().get("/openapi.json").status_code == 404


def test_300_mb_of_a_stranger_are_refused_before_they_are_read(ward: Ward) -> None:
    port, origin = ports(ward)[0], f"http://127.0.0.1:{ports(ward)[0]}"
    kind = "multipart/form-data; boundary=x"
    head = "POST /cases/none/decision HTTP/1.1"
    before = resident_mb(ward, "worklist")
    with wire(port, head, Origin=origin, Content_Type=kind, Content_Length=str(300 * MB)) as connection:
        answer = read_all(connection)  # which comes, and ends the connection, while not a byte of the body was sent
    assert re.match(rb"HTTP/1.1 303", answer)
    cookie = f"wardflow_user={ward.page().cookies['wardflow_user']}"
    with wire(port, head, Origin=origin, Content_Type=kind, Content_Length=str(300 * MB), Cookie=cookie) as connection:
        assert re.match(rb"HTTP/1.1 413", read_all(connection))
    chunked = {"Origin": origin, "Content_Type": kind, "Transfer_Encoding": "chunked", "Cookie": cookie}
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    part = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
    with wire(port, head, **chunked) as connection:
        connection.sendall(b"%x\r\n%s\r\n" % (len(part), part))
        sent = 0
        try:
            while sent < 300 * MB:
                connection.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass
    assert sent < 20 * MB, "what the kernel holds, and no more"
    assert resident_mb(ward, "worklist") - before < 20


def test_a_header_of_150_mb_is_cut_off(ward: Ward) -> None:
    for part, port in zip(("worklist", "gateway"), ports(ward), strict=True):
        before = resident_mb(ward, part)
        with wire(port, "GET /livez HTTP/1.1") as connection:
            read_all_of_first = connection.recv(65536)
            assert read_all_of_first.startswith(b"HTTP/1.1 200")
            sent = 0
            try:
                connection.sendall(f"GET /livez HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Long: ".encode())
                while sent < 150 * MB:
                    connection.sendall(b"x" * MB)
                    sent += MB
            except OSError:
                pass
        assert sent < 20 * MB and resident_mb(ward, part) - before < 8, part


async def test_half_a_header_is_not_waited_for_and_a_whole_one_is() -> None:
    class Hasty(connections.BoundedHttp):
        header_s = 1.0

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        read = 0
        while (message := await receive())["type"] == "http.request":
            read += len(message["body"])
            if not message["more_body"]:
                break
        length = (b"content-length", b"%d" % len(str(read)))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": str(read).encode()})

    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=Hasty, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listening]))
    address = listening.getsockname()

    async def told(*parts: bytes, pause_s: float = 0.0) -> bytes:
        reader, writer = await asyncio.open_connection(*address)
        read = bytearray()

        async def listen() -> None:
            with suppress(ConnectionError):
                while part := await reader.read(65536):
                    read.extend(part)

        hearing = asyncio.create_task(listen())
        for part in parts:
            if not hearing.done():
                writer.write(part)
                await asyncio.sleep(pause_s)
        await asyncio.wait_for(hearing, 5)
        writer.close()
        return bytes(read)

    half, rest = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", b"Content-Length: 6\r\n\r\n"
    assert (await told(half)).startswith(b"HTTP/1.1 408")
    assert (await told(b"")).startswith(b"HTTP/1.1 408"), "nor is a connection without one"
    slow = [*(bytes([byte]) for byte in half)]
    assert (await told(*slow, pause_s=0.05)).startswith(b"HTTP/1.1 408"), "a byte now and then wins no time"
    assert (await told(half, rest, b"abc", b"def", pause_s=0.6)).endswith(b"6"), "a body has its own limit"
    trailers = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
    assert b" 431 " in await told(trailers, *[b"x: " + b"y" * 60_000] * 4, pause_s=0.01), "trailers are headers"
    large = [b"z" * 65536] * 40
    whole = half + b"Content-Length: %d\r\n\r\n" % (65536 * 40)
    assert (await told(whole, *large)).endswith(str(65536 * 40).encode())
    server.should_exit = True
    await serving


def test_300_open_pages_hear_of_a_change(ward: Ward) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    port, cookie = ports(ward)[0], f"wardflow_user={ward.page().cookies['wardflow_user']}"
    pages = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(300)]
    try:
        for page in pages:
            page.sendall(f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n".encode())
        for page in pages:
            read = b""
            while b"event: heartbeat" not in read:
                part = page.recv(65536)
                assert part, read
                read += part
    finally:
        for page in pages:
            page.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert ward.page().get("/livez").status_code == 200


def test_an_upload_that_is_broken_off_is_no_fault(ward: Ward) -> None:
    row = ward.suggested(ward.admit("doors-4", hr=80))
    worklist, gateway = ports(ward)
    cookie = f"wardflow_user={ward.page().cookies['wardflow_user']}"
    logs = [ward.state / "logs" / f"{part}.log" for part in ("worklist", "gateway")]
    before = [log.stat().st_size for log in logs]
    origin = f"http://127.0.0.1:{worklist}"
    head = f"POST /cases/{row['case_id']}/recordings HTTP/1.1"
    sent = {"Content_Length": "9999", "Content_Type": "audio/wav"}
    with wire(worklist, head, Origin=origin, Cookie=cookie, **sent) as connection:
        connection.sendall(b"RIFF")
        time.sleep(0.2)
    secret = f"Bearer {ward.secrets.feed_secret.get_secret_value()}"
    with wire(gateway, "PUT /feeds/ehr/x/y HTTP/1.1", Authorization=secret, Content_Length="9999") as connection:
        connection.sendall(b"{")
        time.sleep(0.2)

    def written() -> list[str]:
        return [log.read_bytes()[size:].decode() for log, size in zip(logs, before, strict=True)]

    ward.until(lambda: all("upload_aborted" in text for text in written()))
    assert not any('"error"' in text or "Traceback" in text for text in written()), written()


def test_nothing_of_the_state_is_open_to_others_and_another_user_reads_nothing(ward: Ward) -> None:
    made_by_the_test = {ward.state / "stack.log"}
    assert set(open_to_others(ward.state)) - made_by_the_test == set()
    for path in (ward.state, *ward.state.rglob("*")):
        if path not in made_by_the_test and not path.is_socket() and path.exists():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


READS = """
import os, sys
from pathlib import Path
os.setgroups([]); os.setgid(65534); os.setuid(65534)
for path in sys.argv[1:]:
    try:
        Path(path).read_bytes()
    except PermissionError:
        continue
    print(path)
"""


@pytest.mark.skipif(bool(os.geteuid()), reason="only root can act as another user")
def test_another_user_of_the_machine_reads_nothing_of_an_older_state() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        state = Path(folder) / "state"
        mask = os.umask(0o022)
        try:
            (state / "logs").mkdir(parents=True)
            for name in ("ledger.db", "logs/worker.log", "parts.json", "wardflow.toml"):
                (state / name).write_text(settings.DEFAULT_CONFIG.read_text())
            before = [str(path) for path in state.rglob("*") if path.is_file()]
            argv = [sys.executable, "-c", READS]
            assert subprocess.run([*argv, *before], capture_output=True, text=True).stdout.split() == before
            with Ports() as reserved:
                stack.prepare(state, reserved)
        finally:
            os.umask(mask)
        after = [str(path) for path in state.rglob("*") if path.is_file()]
        assert set(before) < set(after) and str(state / "keys.json") in after
        done = subprocess.run([*argv, *after], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "")
        state.chmod(0o755)  # an open folder alone shows nothing either
        assert subprocess.run([*argv, *after], capture_output=True, text=True).stdout == ""


def test_the_log_of_the_chart_names_no_patient(ward: Ward) -> None:
    ward.suggested(ward.admit("doors-unmistakable", hr=80))
    assert b"doors-unmistakable" not in (ward.state / "logs" / "fhir.log").read_bytes()
    assert json.loads((ward.state / "parts.json").read_text())["fhir_url"]
