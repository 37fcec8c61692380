"""Ended cases with new events: their charts are read beside the loop, and what was read decides on a new case."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from activities.reopening import ChartCheck, check_chart
from activities.world import World
from contracts.events import Fate, Ignored
from integrations import clock
from integrations.ledger import cases, inbox, readings
from integrations.ledger.audit import Action
from integrations.ledger.cases import CaseRow
from integrations.ledger.database import Transaction
from integrations.ledger.leases import Write
from service.dispatcher.plan_writing import PlanWriter
from service.dispatcher.triage import EventIds, Reexamination

READS_AT_ONCE = 4
KEPT_S = 60.0
"""How long a reading serves a case that has to wait for another one of its stay."""
READ_S = 60.0
"""Time limit of reading a chart, with the wait for its turn; after it the case is tried again later."""


@dataclass
class Reading:
    """A chart as it was read after these events had come."""

    check: ChartCheck
    events: EventIds
    read_at: float = field(default_factory=time.monotonic)
    """On the monotonic clock."""
    recorded: bool = False
    """Whether the audit and the ledger's readings have it."""


class ChartReader:
    """Reads the charts of ended cases in threads of its own, a few at a time, so that a chart that hangs holds up none
    but these cases."""

    def __init__(self, world: World, finished: asyncio.Event) -> None:
        """`finished` is set whenever a chart was read, or could not be."""
        self._world, self._finished = world, finished
        self._threads = ThreadPoolExecutor(READS_AT_ONCE, thread_name_prefix="reopening")
        self._under_way: dict[str, asyncio.Task[Reading]] = {}
        self._read_before: dict[str, Reading] = {}

    def reading(self, wanted: Reexamination) -> Reading | None:
        """Return the chart of the case once it is read, and begin to read it before; None meanwhile.

        A reading serves until events come after it, `KEPT_S` at most: the case may have to wait for another one.
        Raises FhirError, LedgerError and whatever else reading raised, TimeoutError among it.
        """
        case_id = wanted.case.case_id
        before = self._read_before.get(case_id)
        if before and wanted.events <= before.events and time.monotonic() - before.read_at < KEPT_S:
            return before
        task = self._under_way.get(case_id)
        if task is None:
            task = self._under_way[case_id] = asyncio.create_task(self._read(wanted))
            task.add_done_callback(lambda _: self._finished.set())
        if not task.done():
            return None
        del self._under_way[case_id]
        self._read_before[case_id] = task.result()
        return self._read_before[case_id]

    def keep(self, case_ids: set[str]) -> None:
        """Forget what was read for cases other than these."""
        for case_id in [known for known, task in self._under_way.items() if task.done() and known not in case_ids]:
            self._under_way.pop(case_id).exception()  # nobody waits for it any more
        self._read_before = {known: reading for known, reading in self._read_before.items() if known in case_ids}

    async def _read(self, wanted: Reexamination) -> Reading:
        loop = asyncio.get_running_loop()
        begun = time.monotonic()
        check = loop.run_in_executor(self._threads, check_chart, self._world, wanted.case)
        return Reading(await asyncio.wait_for(check, READ_S), wanted.events, begun)


def conclude(
    writer: PlanWriter, wanted: Reexamination, reading: Reading, taken: EventIds, write: Write
) -> CaseRow | None:
    """Open the next generation if the chart demands it, and return it; else the events need no case.

    `taken` are events that another pathway's case gets or waits for: they stay as they are. Events that came after
    the reading stay pending too. Raises LedgerError.
    """
    case, world = wanted.case, writer.world
    settled = (wanted.events & reading.events) - taken
    if reading.recorded and not reading.check.demanded and not settled:
        return None
    with write() as tx:
        now = cases.latest(tx, case.pathway, case.encounter_id)
        if now is None or (now.case_id, now.state) != (case.case_id, case.state):
            return None
        if not reading.recorded:
            late = f"; {reading.check.late} changes of its evidence, too late to ask" if reading.check.late else ""
            what, detail = f"Encounter/{case.encounter_id}", f"re-check of an ended case{late}"
            world.records.auditor.append(tx, Action.READ, what, case_id=case.case_id, detail=detail)
            readings.note_snapshot(tx, case.case_id, reading.check.resources)
        opened = _open_next(tx, writer, wanted) if reading.check.demanded else None
        if not opened:
            inbox.settle(tx, settled, Fate.IGNORED, Ignored.CASE_CLOSED)
    reading.recorded = True
    return opened


def _open_next(tx: Transaction, writer: PlanWriter, wanted: Reexamination) -> CaseRow:
    case = wanted.case
    pending = inbox.pending(tx, [case.encounter_id])
    accepted = min((a.accepted_at for a in pending if a.event_id in wanted.events), default=clock.now())
    opened = writer.open(tx, case.pathway, case.encounter_id, case.generation + 1, accepted)
    inbox.assign(tx, wanted.events, opened.case_id)
    return opened
