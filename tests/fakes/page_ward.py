"""The care team's pages on a real ledger, without the parts that fill it: a test shows what it wants shown."""

import asyncio
import time
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any, cast

import httpx
import sqlalchemy as sa
import uvicorn
from fastapi import FastAPI

from activities.world import World
from agents.dictation import pathway as dictation
from agents.ed_triage import pathway as ed_triage
from contracts.cases import AgentResult, CaseRef, CaseState, ChartSnapshot, OpenRequest
from contracts.decisions import Decision
from contracts.suggestions import Suggestion
from integrations import clock
from integrations.blobs.store import BlobStore
from integrations.ledger import cases, decisions, tables
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database
from integrations.ledger.records import Records
from service.process import settings
from service.process.secrets import create_secrets, load_secrets
from service.worklist import app
from service.worklist.decisions import Decisions
from service.worklist.rows import Worklist
from tests.fakes.case_updates import CaseUpdates
from tests.fakes.samples import KEYRING, suggestion

BASE = "http://127.0.0.1"
PARTS = {
    "temporal": "127.0.0.1:1",
    "redis_url": "redis://127.0.0.1:1",
    "fhir_url": "http://127.0.0.1:1",
    "gateway_port": 1,
    "worklist_port": 1,
    "ledger_url": "",
    "blobs_url": "",
}


class Stream:
    """A live worklist in one process (see `integrations.live.worklist.LiveWorklist`)."""

    url = ""

    def __init__(self) -> None:
        self.published: list[str] = []
        self.silent = False
        """Whether not even heartbeats come."""

    def publish(self, case_id: str) -> bool:
        self.published.append(case_id)
        return True

    def position(self) -> str:
        return f"{len(self.published)}-0"

    async def follow(self, since: str) -> AsyncIterator[tuple[str, str | None]]:
        before = since.partition("-")[0]
        at = int(before) if before.isdecimal() else len(self.published)
        for step in range(1_000_000):
            while at < len(self.published) and not self.silent:
                at += 1
                yield f"{at}-0", self.published[at - 1]
            if step % 20 == 0 and not self.silent:
                yield f"{at}-0", None
            await asyncio.sleep(0.05)


class PageWard:
    """`app` is what a browser or an HTTP client opens; `sent` is what reached the workflows."""

    def __init__(self, folder: Path, undo_s: float = 10.0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        create_secrets(folder)
        self.secrets = load_secrets(folder)
        raw: dict[str, Any] = tomllib.loads(settings.DEFAULT_CONFIG.read_text())
        raw |= {"state": folder, "parts": PARTS, "timing": {"undo_s": undo_s}}
        configured = settings.Settings.model_validate(raw)
        db = Database(f"sqlite:///{folder}/ledger.db")
        db.create()
        self.live, nothing = Stream(), cast(Any, None)
        pathways = {"ed_triage": ed_triage.configure({}), "dictation": dictation.configure({})}
        self.world = World(
            Records(db, BlobStore.at(f"{folder}/blobs", KEYRING), Auditor("worklist", b"a" * 32)), nothing,
            cast(Any, self.live), pathways, {}, "0.1.0",
        )  # fmt: skip
        self.sent = CaseUpdates(self.world)
        self.worklist = Worklist(self.world)
        self.decisions = Decisions(self.world, cast(Any, self.sent), self.secrets.signer())
        self.app: FastAPI = app.create_app(self.world, cast(Any, self.sent), configured, self.secrets)

    def show(self, case_id: str, version: int = 1, accepted_at: datetime | None = None, **changes: Any) -> Suggestion:
        """Show a version of a case, which is opened with the first."""
        proposed = suggestion(**changes)
        blob = self.world.records.blobs.put(proposed.model_dump_json().encode())
        ref = CaseRef(case_id=case_id, pathway=proposed.pathway, encounter_id=f"of-{case_id}", generation=1)
        result = AgentResult(
            suggestion_blob=blob,
            suggestion_hash=proposed.sha256(),
            choices=tuple(choice.code for choice in proposed.choices),
            selected=proposed.selected,
            made_by=proposed.made_by,
        )
        chart = self.world.records.blobs.put(b'{"as_of": "2026-01-05T08:30:00+00:00", "resources": []}')
        snapshot = ChartSnapshot(snapshot_blob=chart, facts_hash=str(version))
        with self.world.records.db.write() as tx:
            if version == 1:
                cases.open_new(tx, ref, timedelta(minutes=5), accepted_at or clock.now())
            request = OpenRequest(ref=ref, version=version, covers_event=0, snapshot=snapshot, result=result)
            cases.show_version(tx, request, "1")
        self.live.publish(case_id)
        return proposed

    def decide(self, decision: Decision) -> None:
        """Record a decision of somebody else."""
        with self.world.records.db.write() as tx:
            decisions.decide(tx, decision)
        self.live.publish(decision.case_id)

    def end(self, case_id: str, state: CaseState) -> None:
        with self.world.records.db.write() as tx:
            cases.end(tx, case_id, state)
        self.live.publish(case_id)

    def reopen(self, case_id: str) -> None:
        """Have the case open again, as after an undo."""
        with self.world.records.db.write() as tx:
            tx.execute(tables.decisions.delete().where(tables.decisions.c.case_id == case_id))
            tx.execute(sa.update(tables.cases).where(tables.cases.c.case_id == case_id).values(state=CaseState.OPEN))
        self.live.publish(case_id)

    def decision(self, case_id: str) -> Decision | None:
        with self.world.records.db.read() as tx:
            return decisions.of_case(tx, case_id)

    @contextmanager
    def served(self) -> Iterator[str]:
        """Serve the pages on a free port; yield their address."""
        server = uvicorn.Server(uvicorn.Config(self.app, port=0, log_level="error", lifespan="off", access_log=False))
        serving = Thread(target=server.run)
        serving.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = server.force_exit = True
        serving.join()

    async def person(self, user_id: str = "n-okafor") -> httpx.AsyncClient:
        """Return a browser without a screen, signed in; it follows no redirect."""
        person = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app), base_url=BASE, headers={"Accept": "text/html", "Origin": BASE}
        )
        await person.post("/login", data={"user_id": user_id})
        return person
