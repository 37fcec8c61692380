"""Ended cases with new events: their charts are read beside the loop, and what was read decides on a new case."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from activities.reopening import ChartCheck, check_chart
from activities.world import World
from contracts.events import Fate, Ignored
from integrations import clock
from integrations.ledger import cases, inbox, readings
from integrations.ledger.audit import Action
from integrations.ledger.cases import CaseRow
from integrations.ledger.leases import Write
from service.dispatcher.plan_writing import PlanWriter
from service.dispatcher.triage import EventIds, Reexamination

READS_AT_ONCE = 4
READ_S = 60.0
"""Time limit of reading a chart, with the wait for its turn; after it the case is tried again later."""


@dataclass(frozen=True)
class Reading:
    """A chart as it was read after these events had come."""

    check: ChartCheck
    events: EventIds


class ChartReader:
    """Reads the charts of ended cases in threads of its own, a few at a time, so that a chart that hangs holds up none
    but these cases."""

    def __init__(self, world: World, finished: asyncio.Event) -> None:
        """`finished` is set whenever a chart was read, or could not be."""
        self._world, self._finished = world, finished
        self._threads = ThreadPoolExecutor(READS_AT_ONCE, thread_name_prefix="reopening")
        self._under_way: dict[str, asyncio.Task[Reading]] = {}

    def reading(self, wanted: Reexamination) -> Reading | None:
        """Return the chart of the case once it is read, and begin to read it before; None meanwhile.

        Raises FhirError, LedgerError and whatever else reading raised, TimeoutError among it.
        """
        case_id = wanted.case.case_id
        task = self._under_way.get(case_id)
        if task is None:
            task = self._under_way[case_id] = asyncio.create_task(self._read(wanted))
            task.add_done_callback(lambda _: self._finished.set())
        if not task.done():
            return None
        del self._under_way[case_id]
        return task.result()

    def keep(self, case_ids: set[str]) -> None:
        """Forget what was read for cases other than these."""
        for case_id in [known for known, task in self._under_way.items() if task.done() and known not in case_ids]:
            self._under_way.pop(case_id).exception()  # nobody waits for it any more

    async def _read(self, wanted: Reexamination) -> Reading:
        loop = asyncio.get_running_loop()
        check = loop.run_in_executor(self._threads, check_chart, self._world, wanted.case)
        return Reading(await asyncio.wait_for(check, READ_S), wanted.events)


def conclude(
    writer: PlanWriter, wanted: Reexamination, reading: Reading, taken: EventIds, write: Write
) -> CaseRow | None:
    """Open the next generation if the chart demands it, and return it; else the events need no case.

    `taken` are events that another pathway's case gets or waits for: they stay as they are. Events that came after
    the reading stay pending too. Raises LedgerError.
    """
    case, world = wanted.case, writer.world
    with write() as tx:
        now = cases.latest(tx, case.pathway, case.encounter_id)
        if now is None or (now.case_id, now.state) != (case.case_id, case.state):
            return None
        what = f"Encounter/{case.encounter_id}"
        world.records.auditor.append(tx, Action.READ, what, case_id=case.case_id, detail="re-check of an ended case")
        readings.note_snapshot(tx, case.case_id, reading.check.resources)
        if not reading.check.demanded:
            inbox.settle(tx, (wanted.events & reading.events) - taken, Fate.IGNORED, Ignored.CASE_CLOSED)
            return None
        pending = inbox.pending(tx, [case.encounter_id])
        accepted = min((a.accepted_at for a in pending if a.event_id in wanted.events), default=clock.now())
        opened = writer.open(tx, case.pathway, case.encounter_id, case.generation + 1, accepted)
        inbox.assign(tx, wanted.events, opened.case_id)
        return opened
