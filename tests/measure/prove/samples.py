"""Looks into the ledger several times a second while everything is being killed: rules that hold at every moment."""

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.measure.prove.finding import Finding

EVERY_S = 0.25
OVER = ("written", "rejected", "closed_undecided", "stay_ended", "continued")
MAY_BECOME = {"open": ("decided", *OVER), "decided": ("open", "written", "rejected", "continued")}
"""What a case may be some moments after a state; a decision that is taken back opens it again, or has it continued."""

FATES = {"pending": ("ignored", "superseded", "quarantined", "absorbed")}


@dataclass(frozen=True)
class Late:
    """An open case that nobody had raised at that moment."""

    case_id: str
    encounter: str
    since: float
    """Its deadline; of a later generation, which is opened only once its chart was read, not before that."""
    at: float


@dataclass
class Samples:
    """Plain SQL on the file, no code of the product; `findings` holds each once."""

    file: Path
    taken: int = 0
    findings: list[Finding] = field(default_factory=list)
    late: dict[str, Late] = field(default_factory=dict)
    """The latest for each case."""
    _fates: dict[int, str] = field(default_factory=dict)
    _states: dict[str, str] = field(default_factory=dict)
    _decided: dict[str, str] = field(default_factory=dict)
    _heads: dict[str, int] = field(default_factory=dict)
    _first_seen: dict[str, float] = field(default_factory=dict)

    def take(self, over: threading.Event) -> None:
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, isolation_level=None)) as ledger:
            ledger.execute("PRAGMA busy_timeout=4000")
            while not over.is_set():
                ledger.execute("BEGIN")
                for finding in self._look(ledger):
                    if finding not in self.findings:
                        self.findings.append(finding)
                ledger.execute("COMMIT")
                self.taken += 1
                over.wait(EVERY_S)

    def _look(self, ledger: sqlite3.Connection) -> Iterator[Finding]:
        counters = dict(ledger.execute("SELECT name, count FROM counters").fetchall())
        events = ledger.execute("SELECT event_id, fate, case_id, encounter_id FROM inbox").fetchall()
        cases = ledger.execute(
            "SELECT case_id, encounter_id, pathway, state, due_at, escalated_at, generation FROM cases"
        ).fetchall()
        at = time.time()
        if counters.get("events_accepted", 0) != len(events):
            yield Finding("I1", "events", f"{counters.get('events_accepted')} counted at the door, {len(events)} kept")
        if counters.get("cases_opened", 0) != len(cases):
            yield Finding("I1", "cases", f"{counters.get('cases_opened')} counted when opened, {len(cases)} kept")
        known = {case[0] for case in cases}
        for event_id, fate, case_id, encounter in events:
            if fate == "absorbed" and case_id not in known:
                yield Finding("I1", encounter, f"event {event_id} was given to a case that does not exist")
        yield from self._unchanged("event", self._fates, {e[0]: e[1] for e in events}, FATES)
        yield from self._unchanged("case", self._states, {c[0]: c[3] for c in cases}, MAY_BECOME)
        decided = dict(ledger.execute("SELECT case_id, decision_id FROM decisions").fetchall())
        yield from self._unchanged("decision of case", self._decided, decided, {})
        waiting = Counter((pathway, encounter) for _, encounter, pathway, state, *_ in cases if state == "open")
        for (pathway, encounter), count in waiting.items():
            if count > 1:
                yield Finding("I3", encounter, f"{count} open cases of {pathway}")
        heads = dict(ledger.execute("SELECT chain, max(position) FROM audit GROUP BY chain").fetchall())
        for chain, head in self._heads.items():
            if heads.get(chain, 0) < head:
                yield Finding("I9", chain, f"the audit chain went back from {head} to {heads.get(chain, 0)}")
        self._heads = heads
        for case_id, encounter, _, state, due_at, escalated_at, generation in cases:
            due, begun = datetime.fromisoformat(due_at).timestamp(), self._first_seen.setdefault(case_id, at)
            if state == "open" and escalated_at is None and due < at:
                self.late[case_id] = Late(case_id, encounter, max(due, begun) if generation > 1 else due, at)

    def _unchanged(
        self, what: str, before: dict[Any, str], after: dict[Any, str], may_become: Mapping[str, Collection[str]]
    ) -> Iterator[Finding]:
        """What was settled stays so, and stays there; what is not becomes only what may follow."""
        for name, state in before.items():
            if name not in after:
                yield Finding("I1", str(name)[:12], f"{what} vanished, it was {state}")
            elif after[name] not in (state, *may_become.get(state, ())):
                yield Finding("I1", str(name)[:12], f"{what} was {state} and became {after[name]}")
        before.clear()
        before.update(after)
