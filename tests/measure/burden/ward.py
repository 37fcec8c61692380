"""One ledger and one chart, in which stays follow each other on a clock of their own, by one rule.

The pathway, the dispatcher's look, the re-examination and the ledger are the product's. Left out are Temporal, the
model, and what is written to the chart: the Task of a proposal and the result of a decision.
"""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

from activities.world import World
from agents.pathway import Ports, suggest
from agents.result_followup import results
from agents.result_followup.flags import Words
from agents.result_followup.results import Result
from contracts.cases import AgentRequest, AgentResult
from contracts.result_followup import ResultFollowupOptions
from integrations import clock
from integrations.blobs.store import BlobStore
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database
from integrations.ledger.records import Records
from service.dispatcher.loop import Dispatcher
from service.process.settings import PathwaySettings, Settings, TimingSettings, TriggerSettings
from tests.fakes.parts import PARTS
from tests.fakes.samples import KEYRING
from tests.fakes.silence import NobodyListens
from tests.measure.burden import streams
from tests.measure.burden.stays import Resource
from tests.measure.burden.variants import Variant

NAME = "result_followup"
GIVEN = PathwaySettings(
    feed="ehr", roles=("physician",), deadline_s=900, ladder_s=(900, 1800, 3600),
    triggers=(TriggerSettings(resource="Observation", opens=True), TriggerSettings(resource="Observation")),
)  # fmt: skip
"""As the packaged configuration has it."""
UNDECIDED_AFTER = timedelta(seconds=sum(GIVEN.ladder_s))
"""From the deadline until a case is closed undecided."""
MEMORY = Path("/dev/shm")
"""Where there is no disk to wait for."""


class Hospital:
    """The chart of the stay that is under way (see `integrations.fhir.client.FhirClient`)."""

    base_url = "http://chart"

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], Resource] = {}

    def has(self, resource: Resource, at: datetime) -> Resource:
        """Chart a resource as its next version, and return that."""
        name = resource["resourceType"], resource["id"]
        before = self.found.get(name)
        version = int(before["meta"]["versionId"]) + 1 if before else 1
        self.found[name] = resource | {"meta": {"versionId": str(version), "lastUpdated": at.isoformat()}}
        return self.found[name]

    def read(self, type_: str, id_: str) -> Resource:
        return self.found[type_, id_]

    def find(self, type_: str, id_: str) -> Resource | None:
        return self.found.get((type_, id_))

    def pages(self, query: str) -> list[list[Resource]]:
        wanted = query.partition("?")[0]
        return [[one for (type_, _), one in self.found.items() if type_ == wanted]]


class Ward:
    def __init__(self, folder: Path, variant: Variant) -> None:
        self.variant = variant
        self.db = Database(f"sqlite:///{folder}/ledger.db")
        self.db.create()
        self.hospital, self.now = Hospital(), streams.BEGIN
        self.pathway = variant.pathway(ResultFollowupOptions())
        chart, live, nothing = cast(Any, self.hospital), cast(Any, NobodyListens()), cast(Any, None)
        records = Records(self.db, BlobStore.at(f"{folder}/blobs", KEYRING), Auditor("gateway", b"a" * 32))
        self.world = World(records, chart, live, {NAME: self.pathway}, {}, "measured")
        opened = Settings.model_validate(
            {"state": ".", "parts": PARTS, "pathways": {NAME: GIVEN}, "timing": TimingSettings(window_quiet_s=0)}
        )
        self.dispatcher = Dispatcher(self.world, nothing, opened, "00")
        self._loop = asyncio.Runner()

    def agent(self, asked: AgentRequest) -> AgentResult:
        """Return what the pathway's graph makes of a frozen chart, by rules alone (`activities.run_agent`)."""
        ref, blob = asked.ref, asked.snapshot.snapshot_blob
        facts = self.world.facts(NAME, ref.encounter_id, blob)
        made = self._loop.run(suggest(self.pathway, facts, Ports()))
        made = made.model_copy(update={"earlier": self.world.records.chart(blob).earlier})
        return AgentResult(
            case_id=ref.case_id, version=asked.version, snapshot_blob=blob, approvable=made.approvable,
            revises=made.revises, suggestion_blob=self.world.records.blobs.put(made.canonical()),
            suggestion_hash=made.sha256(), choices=tuple(choice.code for choice in made.choices),
            selected=made.selected, made_by=made.made_by, fallback=made.fallback,
        )  # fmt: skip

    def close(self) -> None:
        self._loop.close()
        self.db.close()

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Let the product read this ward's clock, and go by the rule of its variant."""
        with ExitStack() as stack:
            stack.enter_context(patch.object(clock, "now", lambda: self.now))
            stack.enter_context(patch.object(results, "results", _once_a_version(results.results)))
            for name in ("chart", "suggestion"):
                stack.enter_context(patch.object(Records, name, _once_a_blob(getattr(Records, name))))
            stack.enter_context(self.variant.in_force())
            yield


@contextmanager
def opened(variant: Variant) -> Iterator[Ward]:
    """Open a ward whose rule is in force, in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="burden-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        ward = Ward(Path(folder), variant)
        try:
            with ward.in_force():
                yield ward
        finally:
            ward.close()


def _once_a_blob(read: Callable[[Records, str], Any]) -> Callable[[Records, str], Any]:
    """Let what a blob holds be read once: its name is the hash of that."""
    known: dict[str, Any] = {}

    def reading(records: Records, blob: str) -> Any:
        if blob not in known:
            known[blob] = read(records, blob)
        return known[blob]

    return reading


def _once_a_version(judge: Callable[..., tuple[Result, ...]]) -> Callable[..., tuple[Result, ...]]:
    """Let a version of a result be judged once: it is a pure function, and half of the time of a run."""
    known: dict[tuple[str, str], tuple[Result, ...]] = {}

    def judged(resource: Resource, *words: Words) -> tuple[Result, ...]:
        key = resource["id"], resource["meta"]["versionId"]
        if key not in known:
            known[key] = judge(resource, *words)
        return known[key]

    return judged
