"""What an operator watches, counted in a real SQLite file, and the signs that processes leave each other."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from contracts.decisions import DecisionKind
from contracts.errors import ApprovalError, Fallback
from contracts.suggestions import MadeBy
from integrations import clock
from integrations.blobs.store import BlobStore
from integrations.ledger import cases, decisions, deliveries, inbox, marks, signs_of_life, standing, tallies
from integrations.ledger.database import Database
from integrations.ledger.standing import Standing
from tests.fakes.samples import NOW, REF, decision, event, shown

LIMIT = timedelta(minutes=5)
At = Callable[[float], None]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> At:
    """Set the clock of the ledger to so many seconds after NOW."""

    def turn(seconds: float) -> None:
        def now() -> datetime:
            return NOW + timedelta(seconds=seconds)

        monkeypatch.setattr(clock, "now", now)

    turn(0)
    return turn


def read(db: Database) -> Standing:
    with db.read() as tx:
        return standing.read(tx)


def lags(db: Database) -> dict[float, int]:
    return {bound: n for bound, n in read(db).lags if n}


def opened(db: Database, blobs: BlobStore) -> None:
    inbox.accept(db, blobs, [event()])
    with db.write() as tx:
        cases.open_new(tx, REF, LIMIT, NOW)
        deliveries.absorb(tx, [1], REF.case_id, set())


def show(db: Database, version: int, covers: int) -> None:
    with db.write() as tx:
        cases.show_version(tx, shown(version=version, covers=covers), str(version))


def test_an_empty_ledger_stands_at_nothing(db: Database) -> None:
    found = read(db)
    assert (found.pending_age_s, found.oldest_open_age_s, found.past_deadline, found.lag_sum_s) == (0, 0, 0, 0)
    assert not any([*found.decisions.values(), *found.suggestions.values(), *(n for _, n in found.lags)])


def test_ages_run_from_acceptance_and_a_deadline_passes_once(db: Database, blobs: BlobStore, at: At) -> None:
    opened(db, blobs)
    inbox.accept(db, blobs, [event("obs-2")])
    at(60)
    assert (read(db).pending_age_s, read(db).oldest_open_age_s, read(db).past_deadline) == (60, 60, 0)
    at(301)
    with db.write() as tx:
        cases.escalate(tx, REF.case_id, 1)
    assert read(db).past_deadline == 1, "escalated or not, nobody has decided"
    show(db, 1, covers=2)
    with db.write() as tx:
        deliveries.absorb(tx, [2], REF.case_id, set())
        decisions.decide(tx, decision())
    assert (read(db).pending_age_s, read(db).oldest_open_age_s, read(db).past_deadline) == (0, 0, 0)


def test_the_lag_is_that_of_the_oldest_event_a_version_is_the_first_to_cover(
    db: Database, blobs: BlobStore, at: At
) -> None:
    opened(db, blobs)
    at(1.7)
    show(db, 1, covers=1)
    assert lags(db) == {2.0: 1}
    at(90)
    inbox.accept(db, blobs, [event("own", own=True)])
    at(100)
    inbox.accept(db, blobs, [event("obs-2")])
    at(104)
    inbox.accept(db, blobs, [event("obs-3")])
    at(108)
    show(db, 2, covers=4)
    assert lags(db) == {2.0: 1, 10.0: 1} and read(db).lag_sum_s == pytest.approx(9.7)


def test_a_version_shown_twice_or_without_news_has_no_lag_of_its_own(db: Database, blobs: BlobStore, at: At) -> None:
    opened(db, blobs)
    show(db, 1, covers=1)
    at(500)
    show(db, 1, covers=1)
    assert sum(lags(db).values()) == 1
    show(db, 2, covers=1)
    assert sum(lags(db).values()) == 1 and read(db).suggestions[MadeBy.MODEL] == 2


def test_no_lag_is_too_long_to_be_counted(db: Database) -> None:
    with db.write() as tx:
        for seconds in (0.0, 0.5, 0.50001, 300, 301, 1e6):
            tallies.suggested(tx, MadeBy.RULES, Fallback.TOO_SLOW, timedelta(seconds=seconds))
    assert lags(db) == {0.5: 2, 1.0: 1, 300.0: 1, float("inf"): 2}
    assert read(db).suggestions[Fallback.TOO_SLOW] == 6


def test_a_decision_counts_when_it_is_kept_and_only_then(db: Database, blobs: BlobStore) -> None:
    opened(db, blobs)
    show(db, 1, covers=1)
    with db.write() as tx:
        decisions.decide(tx, decision())
    for again in (decision(), decision(decision_id="d-2", kind=DecisionKind.REJECT)):
        try:
            with db.write() as tx:
                decisions.decide(tx, again)
        except ApprovalError:
            pass
    assert read(db).decisions == {kind: int(kind == "approve") for kind in DecisionKind}


def test_signs_are_kept_by_part_the_newest_alone(db: Database) -> None:
    with db.write() as tx:
        signs_of_life.give(tx, {"worker": NOW, "gateway": NOW})
        signs_of_life.give(tx, {"worker": NOW + LIMIT})
        marks.set_mark(tx, "other", "x")
    with db.read() as tx:
        assert signs_of_life.seen(tx) == {"worker": NOW + LIMIT, "gateway": NOW}
