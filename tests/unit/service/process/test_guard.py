"""What a stranger sends is refused before anything of it is read."""

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from service.process import guard
from service.process.guard import Bound, Guard
from service.worklist import access
from tests.fakes.samples import KEYRING


def scope(method: str = "POST", path: str = "/cases/c/decision", **headers: str | bytes) -> Scope:
    given = {"host": "127.0.0.1:8420"} | headers
    pairs = [(name.replace("_", "-").encode(), v if isinstance(v, bytes) else v.encode()) for name, v in given.items()]
    return {
        "type": "http", "method": method, "path": path, "headers": pairs, "query_string": b"", "http_version": "1.1",
        "scheme": "http",
    }  # fmt: skip


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8420", "localhost:1", "LOCALHOST", "[::1]:8420", "[::1]", "ward.hospital:443"]
)
def test_a_configured_name_and_loopback_may_be_asked(host: str) -> None:
    assert guard.known_host(["Ward.hospital"])(scope(host=host)) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.test", "evil.test:8420", "127.0.0.1.evil.test", "evil.test:127.0.0.1", "localhost.", "localhost:80:80",
        "", "user@localhost", "[::1", "[::2]:80", "0.0.0.0", "127.0.0.1, evil.test", b"local\xe9host", " localhost",
    ],
)  # fmt: skip
def test_a_page_whose_name_resolves_here_is_refused_whatever_it_asks(host: str | bytes) -> None:
    for path in ("/", "/api/cases", "/livez", "/readyz", "/metrics", "/login"):
        refused = guard.known_host(["ward.hospital"])(scope("GET", path, host=host))
        assert refused is not None and refused.status_code == 400


def test_two_hosts_or_none_are_refused() -> None:
    twice, none = scope(), scope()
    twice["headers"].append((b"host", b"127.0.0.1:8420"))
    none["headers"].clear()
    assert guard.known_host([])(twice) and guard.known_host([])(none)


OURS = "http://127.0.0.1:8420"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": OURS}, {"origin": OURS, "sec_fetch_site": "same-origin"}, {"sec_fetch_site": "same-origin"},
        {"origin": "https://127.0.0.1:8420"},
    ],
)  # fmt: skip
def test_our_own_page_may_write(headers: dict[str, str]) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert guard.same_origin(scope(method, **headers)) is None


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"origin": "null"}, {"origin": ""}, {"origin": "http://evil.test"}, {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://[", "sec_fetch_site": "same-origin"}, {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"}, {"sec_fetch_site": "none"}, {"origin": OURS, "sec_fetch_site": "cross-site"},
        {"origin": "http://evil.test", "sec_fetch_site": "same-origin"}, {"origin": OURS, "hx_request": "true"},
    ],
)  # fmt: skip
def test_what_no_page_of_ours_sent_writes_nothing(headers: dict[str, str]) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "QUERY"):
        refused = guard.same_origin(scope(method, **headers))
        assert refused is not None and refused.status_code == 403
    assert guard.same_origin(scope("GET", **headers)) is None


class Sender:
    """Sends parts of a body, and counts which were taken."""

    def __init__(self, *parts: bytes, then: str = "") -> None:
        self._parts, self.taken, self._then = iter(parts), 0, then
        self._left = len(parts)

    async def receive(self) -> Message:
        part = next(self._parts, None)
        if part is None:
            if self._then == "leaves":
                return {"type": "http.disconnect"}
            await asyncio.sleep(60)
        self.taken, self._left = self.taken + 1, self._left - 1
        return {"type": "http.request", "body": part, "more_body": bool(self._left or self._then)}


async def answer(sender: Sender, asked: Scope, bound: Bound, *checks: guard.Check) -> tuple[int, dict[str, str]]:
    """Return status and headers of what a guarded application answers that reads the whole body."""
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        read = await Request(scope, receive).body()
        await PlainTextResponse(str(len(read)))(scope, receive, send)

    async def send(message: Message) -> None:
        sent.append(message)

    try:
        await Guard(app, checks, lambda _: bound, {"X-Always": "yes"})(asked, sender.receive, send)
    except guard.HTTPException as refused:  # which the application's own middleware makes an answer of
        return refused.status_code, {}
    if not sent:
        return 0, {}
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}


SMALL = Bound(10, 0.1)


@pytest.mark.parametrize(
    ("headers", "parts", "status", "taken"),
    [
        ({"content_length": "3"}, [b"abc"], 200, 1),
        ({"content_length": "10"}, [b"12345", b"67890"], 200, 2),
        ({"content_length": "11"}, [b"12345678901"], 413, 0),
        ({"content_length": "300000000"}, [b"x"] * 20, 413, 0),
        ({"content_length": "-1"}, [b"x"], 413, 0),
        ({"content_length": "9" * 5000}, [b"x"], 413, 0),
        ({"transfer_encoding": "chunked"}, [b"12345", b"67890"], 200, 2),
        ({"transfer_encoding": "chunked"}, [b"12345", b"67890", b"1", b"never"], 413, 3),
    ],
)
async def test_a_body_is_read_within_its_bound(
    headers: dict[str, str], parts: list[bytes], status: int, taken: int
) -> None:
    sender = Sender(*parts)
    found = await answer(sender, scope(**headers), SMALL)
    assert (found[0], sender.taken) == (status, taken)


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    assert (await answer(Sender(b"1", then="waits"), scope(content_length="9"), SMALL))[0] == 408


async def test_what_is_refused_is_not_read_and_ends_its_connection_and_has_every_header() -> None:
    sender = Sender(b"x" * 10)
    refuses = guard.known_host([])
    status, headers = await answer(sender, scope(host="evil.test", content_length="10"), SMALL, refuses)
    assert (status, sender.taken, headers["connection"], headers["x-always"]) == (400, 0, "close", "yes")
    status, headers = await answer(Sender(b"12"), scope(content_length="2"), SMALL, refuses)
    assert (status, headers.get("connection"), headers["x-always"]) == (200, None, "yes")


async def test_a_sender_that_goes_away_is_no_fault_of_ours() -> None:
    assert await answer(Sender(b"1", then="leaves"), scope(content_length="9"), SMALL) == (0, {})


@pytest.fixture
def signed_out() -> Iterator[guard.Check]:
    yield guard.signed_in(lambda _: False, ("/login",), partial(access.sign_in_first, KEYRING))


async def test_without_a_session_only_a_sign_in_is_read(signed_out: guard.Check) -> None:
    for path, status in (("/cases/c/decision", 303), ("/cases/c/recordings", 401), ("/api/x", 401), ("/", 303)):
        sender = Sender(b"x" * 10)
        found = await answer(sender, scope(path=path, content_length="10"), SMALL, signed_out)
        assert (found[0], sender.taken) == (status, 0), path
    login: Any = scope(path="/login", content_length="2")
    assert (await answer(Sender(b"12"), login, access.bound(login), signed_out))[0] == 200


def test_only_a_recording_may_be_large() -> None:
    sizes = {path: access.bound(scope(path=path)).size_bytes for path in ("/login", "/cases/c/decision", "/anything")}
    assert sizes == {"/login": 4096, "/cases/c/decision": 2**20, "/anything": 2**20}
    assert access.bound(scope(path="/cases/c/recordings")).size_bytes == 20 * 2**20
    assert access.bound(scope("GET")).size_bytes == 0
