"""What the list and the page of a case show: rows of what waits and why, read from the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import structlog

from activities import earlier
from activities.world import World
from contracts.cases import ENDED, UNDECIDED, CaseState
from contracts.decisions import Correction, Decision, DecisionKind, Evidence, Reviewer
from contracts.errors import WardflowError
from contracts.suggestions import Suggestion
from contracts.views import Played, View
from integrations import clock
from integrations.ledger import cases, decisions, inbox, stranded_cases, switches
from integrations.ledger.audit import Action
from integrations.ledger.stranded_cases import Stranded
from service.worklist import changes
from service.worklist.changes import Change, News, Seen

log = structlog.get_logger()
RECENT = timedelta(minutes=10)
UNSEEN = timedelta(seconds=20)
AFTER = "~"  # sorts after every code that tells how soon someone must act
CHANGED_CHARS = 60  # of what was shown and of what is so now, in a list
NEUTRAL = "#555555"  # where no choice is proposed
UNJUDGED = "2~"  # sorts after a floor of 1 or 2 and before 3: nobody has said how soon someone must act


@dataclass(frozen=True)
class Row:
    """One case as a page shows it."""

    case: cases.CaseRow
    suggestion: Suggestion | None
    decision: Decision | None
    stale: bool
    headline: str
    colour: str
    view: View | None = None
    """Of the suggestion, if there is one."""
    undo_until: datetime | None = None
    """Until when its author may take the decision back; None without a decision whose write-back can wait."""
    evidence: Evidence | None = None
    """What the last look at a decision's evidence found."""
    unnoticed: bool = False
    """Whether it ended undecided and stays listed until a person takes note of it."""

    @property
    def decidable(self) -> bool:
        return self.suggestion is not None and self.case.state == CaseState.OPEN and not self.stale

    @property
    def approvable(self) -> bool:
        """Whether one key approves it; else a person chooses, and nothing is proposed."""
        return self.suggestion is not None and self.suggestion.approvable

    @property
    def kinds(self) -> tuple[DecisionKind, ...]:
        """Kinds of decision that answer this suggestion."""
        if not self.decidable or self.suggestion is None:
            return ()
        before = self.suggestion.earlier
        withdrawable = (DecisionKind.WITHDRAW,) if before and before.in_question else ()
        bare = (DecisionKind.KEEP, *withdrawable) if self.suggestion.revises else (DecisionKind.REJECT,)
        if not self.approvable:
            return DecisionKind.CHOOSE, *bare
        others = (DecisionKind.CHANGE,) if len(self.suggestion.choices) > 1 else ()
        return DecisionKind.APPROVE, *others, *bare

    @property
    def codes(self) -> str:
        """Codes of the choices, as a person reads them: `1 to 5`."""
        codes = [choice.code for choice in self.suggestion.choices] if self.suggestion else []
        return f"{codes[0]} to {codes[-1]}" if len(codes) > 2 else " or ".join(codes)

    @property
    def outcome(self) -> str:
        """What was decided: `Level 3 approved`."""
        return changes.outcome(self.decision, self.suggestion, self.view.noun if self.view else "")

    @property
    def undoable(self) -> bool:
        """Whether the decision may still be taken back."""
        return self.undo_until is not None and clock.now() < self.undo_until

    def undoable_by(self, reviewer: Reviewer) -> bool:
        """Return whether that person may still take the decision back."""
        mine = self.decision is not None and self.decision.reviewer.reviewer_id == reviewer.reviewer_id
        return mine and self.undoable


class Worklist:
    """Reads rows; pages and the JSON API both call it."""

    def __init__(
        self, world: World, undo: timedelta = timedelta(), roles: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """`undo` is how long a decision may be taken back; `roles` may decide on each pathway."""
        self._world, self._undo, self._roles = world, undo, roles or {}
        self._shown = lru_cache(2000)(self._read)  # of one version, which never changes

    def rows(self, reader: Reviewer) -> list[Row]:
        """Return the open cases, then those that ended in the last minutes; one audit record for the reading."""
        with self._world.records.db.read() as tx:
            listed, stale = cases.listed(tx, ended_after=clock.now() - RECENT), cases.stale(tx)
            unnoticed = cases.unnoticed_ids(tx)
            ids = [case.case_id for case in listed if case.state != CaseState.OPEN]
            decided, begun = decisions.of_cases(tx, ids), decisions.writes_begun(tx, ids)
        rows = [
            self._row(
                case,
                case.case_id in stale,
                decided.get(case.case_id),
                begun.get(case.case_id),
                unnoticed=case.case_id in unnoticed,
            )
            for case in listed
        ]
        with self._world.records.db.write() as tx:
            self._world.records.auditor.append(
                tx, Action.VIEW, "worklist", actor=f"person:{reader.reviewer_id}", detail=f"{len(rows)} cases"
            )
        return sorted(rows, key=_urgency)

    def stopped(self) -> dict[str, str]:
        """Return what people have stopped, and who."""
        with self._world.records.db.read() as tx:
            return switches.all_stopped(tx)

    def stranded(self) -> Stranded:
        """Return how many cases cannot be decided or written because their workflow does not run."""
        with self._world.records.db.read() as tx:
            return stranded_cases.last(tx)

    def unseen_since(self) -> datetime | None:
        """Return since when a message waits to be looked at, if it has for longer than a moment."""
        with self._world.records.db.read() as tx:
            since = inbox.waiting_since(tx)
        return since if since and clock.now() - since > UNSEEN else None

    def row(self, case_id: str, reader: Reviewer) -> Row | None:
        """Return one case, audited as seen by that person."""
        row = self._look(case_id)
        if row:
            self._viewed(row, reader)
        return row

    def _look(self, case_id: str) -> Row | None:
        with self._world.records.db.read() as tx:
            case = cases.find(tx, case_id)
            if case is None:
                return None
            newest = inbox.newest_event(tx, case.encounter_id, case.case_id)
            decision = decisions.of_case(tx, case_id) if case.state != CaseState.OPEN else None
            begun = decisions.write_begun(tx, case_id)
            unnoticed = case.state in UNDECIDED and case_id in cases.unnoticed_ids(tx)
        return self._row(case, newest > case.covers_event, decision, begun, unnoticed=unnoticed)

    def _viewed(self, row: Row, reader: Reviewer) -> None:
        with self._world.records.db.write() as tx:
            self._world.records.auditor.append(
                tx, Action.VIEW, f"suggestion {row.case.suggestion_hash}", actor=f"person:{reader.reviewer_id}",
                case_id=row.case.case_id, encounter_id=row.case.encounter_id,
            )  # fmt: skip

    def correctable(self, row: Row, reader: Reviewer) -> bool:
        """Return whether that person may open a case to correct what was decided in this one.

        One whose writing stands, or the newest of a stay, which may have refused or withdrawn too much.
        """
        case = row.case
        if row.decision is None or case.state not in ENDED or reader.role not in self._roles.get(case.pathway, ()):
            return False
        with self._world.records.db.read() as tx:
            latest = cases.latest(tx, case.pathway, case.encounter_id)
        newest = latest is not None and latest.case_id == case.case_id
        return newest or bool(earlier.of_stay(self._world, case.pathway, case.encounter_id).standing(case.case_id))

    def case(self, case_id: str) -> cases.CaseRow | None:
        """Return the case without what it shows, or None."""
        with self._world.records.db.read() as tx:
            return cases.find(tx, case_id)

    def recording(self, case_id: str, number: int, reader: Reviewer) -> Played | None:
        """Return one of the recordings that the case's page plays, audited as heard by that person, or None."""
        case = self.case(case_id)
        view = self._row(case, False, None).view if case else None
        if case is None or view is None or not 0 <= number < len(view.recordings):
            return None
        played = view.recordings[number]
        with self._world.records.db.write() as tx:
            self._world.records.auditor.append(
                tx, Action.VIEW, f"recording {played.blob[:16]}", actor=f"person:{reader.reviewer_id}",
                case_id=case_id, encounter_id=case.encounter_id,
            )  # fmt: skip
        return played

    def _row(
        self,
        case: cases.CaseRow,
        newer: bool,
        decision: Decision | None,
        begun: Evidence | None = None,
        *,
        unnoticed: bool = False,
    ) -> Row:
        headline, colour, suggestion, view = "no suggestion yet: judge by hand", NEUTRAL, None, None
        if case.suggestion_blob:
            try:
                suggestion, headline, colour, view = self._shown(case.pathway, case.suggestion_blob)
            except (WardflowError, ValueError, LookupError) as fault:
                # one broken row, or one of a pathway that left the configuration, must not hide the others
                log.error("suggestion_unreadable", case_id=case.case_id, error=type(fault).__name__)
                headline = "the suggestion can't be read: judge by hand"
        stale = suggestion is not None and case.state == CaseState.OPEN and newer
        waits = decision is not None and case.state == CaseState.DECIDED and begun is None
        undo_until = decision.decided_at + self._undo if decision and waits else None
        found = begun or (decision.evidence if decision else None)
        return Row(case, suggestion, decision, stale, headline, colour, view, undo_until, found, unnoticed)

    def _read(self, pathway_name: str, blob: str) -> tuple[Suggestion, str, str, View]:
        suggestion, pathway = self._world.records.suggestion(blob), self._world.pathways[pathway_name]
        code = suggestion.selected if suggestion.approvable else None
        colour = pathway.colour(code) if code is not None else NEUTRAL
        headline = _revised(suggestion) or pathway.headline(suggestion.facts)
        return suggestion, headline, colour, pathway.view(suggestion)

    def changes(self, case_id: str, seen: Seen, reader: Reviewer) -> Change | None:
        """Return what is new since a page of the case was rendered, or None without such a case.

        Only an answer that shows something of the patient leaves an audit record: open pages ask every few seconds.
        """
        row = self._look(case_id)
        if row is None:
            return None
        before = self.version(row.case, seen.version) if row.case.version != seen.version else row.suggestion
        change = changes.since(seen, row.case, row.stale, row.decision, row.outcome, before, row.suggestion)
        if change.news in (News.CHANGED, News.ENDED):
            self._viewed(row, reader)
        return change

    def version(self, case: cases.CaseRow, version: int) -> Suggestion | None:
        """Return what an earlier version of the case showed, or None where it can't be read."""
        with self._world.records.db.read() as tx:
            blob = cases.suggestion_blob(tx, case.case_id, version)
        try:
            return self._world.records.suggestion(blob) if blob else None
        except (WardflowError, ValueError, LookupError) as fault:
            log.error("suggestion_unreadable", case_id=case.case_id, error=type(fault).__name__)
            return None

    def still_meant(self, row: Row, version: int, corrections: Sequence[Correction]) -> tuple[Correction, ...]:
        """Return those corrections, typed on the page of an earlier version, whose items are the same in this one."""
        before = self.version(row.case, version) if corrections else None
        if before is None or row.view is None:
            return ()
        then = {item.key: item for item in self._world.pathways[row.case.pathway].view(before).items}
        equal = {item.key for item in row.view.items if then.get(item.key) == item}
        return tuple(correction for correction in corrections if correction.key in equal)


def _revised(suggestion: Suggestion) -> str:
    """Return in a few words what is not so any more of what was decided on; empty where nothing is."""
    if suggestion.earlier is None or not suggestion.earlier.changed:
        return ""
    changed = suggestion.earlier.changed
    first, *others = changed
    more = f", and {len(others)} more" if others else ""
    was, now = (f"{text[:CHANGED_CHARS]}…" if len(text) > CHANGED_CHARS else text for text in (first.was, first.now))
    return f"{was} → {now}{more}"


def _urgency(row: Row) -> tuple[bool, bool, str, Any]:
    open_ = row.case.state == CaseState.OPEN or row.unnoticed
    return not open_, not (open_ and row.case.escalated_at), _level(row), row.case.due_at


def _level(row: Row) -> str:
    """Return the code that a row is sorted by: one that a model was never measured on sorts no one."""
    if row.view is not None and not row.view.ranked:
        return AFTER
    if row.suggestion is None:
        return ""
    proposed = row.suggestion.selected if row.approvable else row.suggestion.floor
    return proposed or UNJUDGED
