"""A lease has one holder, whatever clocks do; a holder that wakes after its term writes nothing."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations import clock
from integrations.ledger import leases, marks
from integrations.ledger.database import Database
from integrations.ledger.leases import Lease, LeaseLostError
from tests.fakes.samples import NOW

NAME, TERM = "dispatcher", timedelta(seconds=3)


class Time:
    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now: datetime = NOW
        patch.setattr(clock, "now", lambda: self.now)

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


def taken(db: Database, holder: str, unrenewed: leases.LeaseRow | None = None) -> Lease | None:
    with db.write() as tx:
        return leases.acquire(tx, NAME, holder, TERM, unrenewed)


def renewed(db: Database, lease: Lease) -> bool:
    with db.write() as tx:
        return leases.renew(tx, lease, TERM)


def row(db: Database) -> leases.LeaseRow:
    with db.read() as tx:
        found = leases.find(tx, NAME)
    assert found
    return found


def writes(db: Database, lease: Lease, what: str = "written") -> None:
    with leases.fenced(db, lease)() as tx:
        marks.set_mark(tx, what, lease.holder)


def test_the_second_waits_until_the_term_of_the_first_is_over(db: Database, time: Time) -> None:
    first = taken(db, "a")
    assert first == Lease(NAME, "a", 1) and taken(db, "b") is None
    time.passes(2.9)
    assert renewed(db, first)
    time.passes(2.9)
    assert taken(db, "b") is None
    time.passes(0.2)
    assert taken(db, "b") == Lease(NAME, "b", 2)
    assert not renewed(db, first)


def test_a_lease_that_was_given_back_is_free_at_once(db: Database, time: Time) -> None:
    first = taken(db, "a")
    assert first
    with db.write() as tx:
        leases.release(tx, first)
    assert taken(db, "b") == Lease(NAME, "b", 2)
    with db.write() as tx:
        leases.release(tx, first)  # late: it is another's
    assert taken(db, "c") is None


def test_a_paused_holder_that_wakes_writes_nothing(db: Database, time: Time) -> None:
    paused = taken(db, "a")
    assert paused
    writes(db, paused)
    time.passes(4)
    with pytest.raises(LeaseLostError):  # nobody has taken it yet, and its term is over all the same
        writes(db, paused, "late")
    assert taken(db, "b")
    with pytest.raises(LeaseLostError):
        writes(db, paused, "later")
    with db.read() as tx:
        assert (marks.mark(tx, "late"), marks.mark(tx, "later")) == (None, None)


def test_the_same_holder_is_another_under_another_number(db: Database, time: Time) -> None:
    before = taken(db, "a")
    time.passes(4)
    again = taken(db, "a")
    assert before and again and again.number == 2
    writes(db, again)
    with pytest.raises(LeaseLostError):
        writes(db, before)


def test_a_clock_that_was_set_back_keeps_no_lease_alive(db: Database, time: Time) -> None:
    assert taken(db, "a")
    time.passes(-3600)
    watched = row(db)
    assert taken(db, "b") is None
    assert taken(db, "b", unrenewed=watched) == Lease(NAME, "b", 2)


def test_what_was_renewed_meanwhile_is_not_unrenewed(db: Database, time: Time) -> None:
    first, watched = taken(db, "a"), row(db)
    assert first
    time.passes(1)
    assert renewed(db, first)
    assert taken(db, "b", unrenewed=watched) is None


HOLDERS = ("a", "b", "c")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["acquire", "renew", "write", "release"]), st.sampled_from(HOLDERS)),
        st.tuples(st.just("time"), st.sampled_from([-60.0, 0.5, 2.0, 3.5])),
    ),
    max_size=20,
)


@given(STEPS)
def test_whoever_writes_has_the_newest_number(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str | float]]
) -> None:
    """Holders take, renew, pause and write in any order, on a clock that jumps: each write is the newest holder's."""
    db = Database(f"sqlite:///{tmp_path_factory.mktemp('leases')}/ledger.db")
    db.create()
    mine: dict[str, Lease] = {}
    numbers: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        time = Time(patch)
        for name, what in steps:
            if isinstance(what, float):
                time.passes(what)
            elif name == "acquire":
                if lease := taken(db, what):
                    assert not numbers or lease.number == max(numbers) + 1
                    numbers.append(lease.number)
                    mine[what] = lease
            elif what in mine and name == "renew":
                assert not renewed(db, mine[what]) or mine[what].number == max(numbers)
            elif what in mine and name == "release":
                with db.write() as tx:
                    leases.release(tx, mine[what])
            elif what in mine:
                try:
                    writes(db, mine[what])
                    assert mine[what].number == max(numbers)
                except LeaseLostError:
                    assert row(db).lease != mine[what] or row(db).expires_at <= time.now
