"""What feeds and people do during a benchmark: tell of arrivals, follow the worklist, look at a case, decide."""

import asyncio
import json
import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from contracts.errors import Refusal
from tests.measure.benchmarks import hospital
from tests.measure.benchmarks.site import Site
from tests.measure.benchmarks.wire import Wire, changes, form, request
from tests.ward import NURSE

HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')
CONNECTIONS = 12
LEVEL = "3"  # chosen where none is proposed


class Pool:
    """Kept connections to one port, taken in turn; a lost one is opened again."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: asyncio.LifoQueue[Wire | None] = asyncio.LifoQueue()
        for _ in range(CONNECTIONS):
            self._free.put_nowait(None)

    async def send(self, raw: bytes) -> tuple[int, bytes]:
        """Return status and body. Raises OSError."""
        wire = await self._free.get()
        try:
            if wire is None or wire.closed:
                wire = await Wire.to(self._port)
            body = await wire.send(raw)
            return wire.status, body
        finally:
            self._free.put_nowait(wire)


class Feed:
    """Tells the gateway of arrivals, as an interface engine does."""

    def __init__(self, site: Site) -> None:
        self._secret, self._pool = site.secret, Pool(site.settings.parts.gateway_port)

    async def tell(self, number: int) -> float:
        """Tell of one arrival; return when the last 2xx came."""
        answers = await asyncio.gather(*map(self._pool.send, hospital.notifications(number, self._secret)))
        assert all(status == 200 for status, _ in answers), answers
        return time.time()


class People:
    """Nurses who follow the worklist's stream of changes. Use inside `async with`."""

    def __init__(self, site: Site) -> None:
        self._site, self._port = site, site.settings.parts.worklist_port
        self._pool, self.cookie = Pool(self._port), ""
        self._changed: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def __aenter__(self) -> "People":
        wire = await Wire.to(self._port)
        kind = "application/x-www-form-urlencoded"
        await wire.ask("POST", "/login", form({"user_id": NURSE}), content_type=kind)
        self.cookie = wire.headers["set-cookie"].partition(";")[0]
        wire.close()
        self._following = asyncio.create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._following.cancel()
        with suppress(asyncio.CancelledError):
            await self._following

    async def _follow(self) -> None:
        async for case_id in changes(self._port, self.cookie):
            self._changed[case_id].set()

    async def get(self, path: str) -> bytes:
        status, body = await self._pool.send(request("GET", path, cookie=self.cookie))
        assert status == 200, (path, status, body)
        return body

    async def shown(self, case_id: str, look: Callable[[str], Awaitable[Any]], seconds: float = 60) -> Any:
        """Return what `look` finds once the stream has named the case and it can be decided."""
        async with asyncio.timeout(seconds):
            while True:
                await self._changed[case_id].wait()
                self._changed[case_id].clear()
                if found := await look(case_id):
                    return found

    async def row(self, case_id: str) -> dict[str, Any] | None:
        """Return the case's row in the list, if it can be decided."""
        rows = json.loads(await self.get("/api/cases"))
        return next((row for row in rows if row["case_id"] == case_id and row["decidable"]), None)

    async def page(self, case_id: str) -> dict[str, str] | None:
        """Open the case; return the hidden fields of its form, if it can be decided."""
        return dict(HIDDEN.findall((await self.get(f"/cases/{case_id}")).decode())) or None

    async def approve(self, case_id: str, fields: dict[str, str]) -> float:
        """Approve what the page showed, or choose where nothing may be approved; return when the answer came."""
        status, told = await self._decide(case_id, fields | {"kind": "approve"})
        if status == 409 and json.loads(told).get("refused") == Refusal.CHOICE:
            status, told = await self._decide(case_id, fields | {"kind": "choose", "selected": LEVEL})
        assert status == 200, told
        return time.time()

    async def _decide(self, case_id: str, fields: dict[str, str]) -> tuple[int, bytes]:
        raw = request(
            "POST", f"/cases/{case_id}/decision", form(fields), cookie=self.cookie, accept="application/json",
            content_type="application/x-www-form-urlencoded",
        )  # fmt: skip
        return await self._pool.send(raw)
