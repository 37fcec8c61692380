"""A dispatcher of two pathways on a real ledger, and the events that it looks at."""

import json
from collections.abc import Collection
from datetime import timedelta
from typing import Any, cast

import sqlalchemy as sa

from activities.world import World
from contracts.cases import CaseRef, CaseState
from contracts.events import FhirEvent
from integrations.blobs.store import BlobStore
from integrations.ledger import cases, own_writes, tables
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database
from integrations.ledger.own_writes import Written
from integrations.ledger.records import Records
from service.dispatcher.loop import Dispatcher
from service.process.settings import PathwaySettings, Settings, TimingSettings, TriggerSettings
from tests.fakes.parts import PARTS
from tests.fakes.samples import NOW
from tests.fakes.silence import NobodyListens

HIGH = "Observation.value.ofType(Quantity).value > 120"


def told(encounter: str, value: Any, padding: int = 0) -> FhirEvent:
    """Return the event of an Observation with this value; the padding makes its body as many bytes larger."""
    body = {"resourceType": "Observation", "valueQuantity": {"value": value}, "note": " " * padding}
    return FhirEvent(
        feed="ehr", resource_type="Observation", resource_id=f"obs-{encounter}", version_id="1",
        encounter_id=encounter, body=json.dumps(body).encode(),
    )  # fmt: skip


class TwoPathways:
    """Pathway `says` writes Observations; `hears` waits for high ones, and so does `says` itself."""

    def __init__(self, db: Database, blobs: BlobStore) -> None:
        self.db, self.blobs = db, blobs
        settings = PathwaySettings(
            feed="ehr", roles=("triage_nurse",), deadline_s=300, ladder_s=(600,),
            triggers=(TriggerSettings(resource="Observation", where=HIGH, opens=True),),
        )  # fmt: skip
        both = {"says": settings, "hears": settings}
        timing = TimingSettings(window_quiet_s=0)
        self.settings = Settings.model_validate({"state": ".", "parts": PARTS, "pathways": both, "timing": timing})
        live, nothing = cast(Any, NobodyListens()), cast(Any, None)
        self.world = World(Records(db, blobs, Auditor("gateway", b"a" * 32)), nothing, live, {}, {}, "0.1.0")
        self.dispatcher = Dispatcher(self.world, nothing, self.settings, "00")
        self.ref = CaseRef(case_id="c-says", pathway="says", encounter_id="enc", generation=1)
        with db.write() as tx:
            cases.open_new(tx, self.ref, timedelta(minutes=5), NOW)

    def writes(self, value: float, version: str = "1") -> FhirEvent:
        with self.db.write() as tx:
            own_writes.intend(tx, self.ref.case_id, "Observation", "obs-enc", "hash")
        return told("enc", value).model_copy(update={"own": True, "version_id": version})

    def noted(self, version: str = "1") -> None:
        with self.db.write() as tx:
            own_writes.wrote(tx, self.ref.case_id, [Written("Observation", "obs-enc", version, "hash")])

    def looked_at(self) -> tuple[list[tuple[str, str | None]], dict[str, set[int]]]:
        """Look once; return fates and reasons in the order of acceptance, and which pathway's case is told what."""
        deliveries = {one.case_id: set(one.events) for one in self.dispatcher.look(self.db.write).deliveries}
        with self.db.read() as tx:
            rows = tx.execute(sa.select(tables.inbox).order_by(tables.inbox.c.event_id)).all()
            named = {case_id: cases.find(tx, case_id) for case_id in deliveries}
        return [(r.fate, r.reason) for r in rows], {named[c].pathway: e for c, e in deliveries.items() if named[c]}


class Starts:
    """Cases that take what they are told, but those of `away` at their first time."""

    def __init__(self, away: Collection[str] = ()) -> None:
        self.away, self.taken = set(away), list[tuple[str, tuple[int, ...]]]()

    async def tell(self, case_id: str, events: list[int], **_: Any) -> bool:
        if case_id in self.away:
            self.away.discard(case_id)
            raise RuntimeError("Temporal is away for this call")
        self.taken.append((case_id, tuple(events)))
        return True


def state(two: TwoPathways, case_id: str, state: CaseState) -> None:
    """Put a case into this state."""
    with two.db.write() as tx:
        tx.execute(tables.cases.update().where(tables.cases.c.case_id == case_id).values(state=state))


def fates(two: TwoPathways) -> list[str]:
    """Return the fate of each event in the order of acceptance."""
    with two.db.read() as tx:
        return [row.fate for row in tx.execute(tables.inbox.select().order_by(tables.inbox.c.event_id))]
