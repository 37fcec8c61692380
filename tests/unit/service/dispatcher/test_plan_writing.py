"""Between planning and writing the ledger may change: then the events stay pending for the next look."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.cases import CaseState
from contracts.events import Fate, FhirEvent, Ignored
from integrations.blobs.store import BlobStore
from integrations.ledger import cases, inbox, tables
from integrations.ledger.database import Database
from integrations.ledger.leases import Lease, LeaseLostError
from service.dispatcher import plan_writing
from tests.fakes.two_pathways import TwoPathways, told


@pytest.fixture
def two(db: Database, blobs: BlobStore) -> TwoPathways:
    return TwoPathways(db, blobs)


class Meanwhile:
    """Begins write transactions, before the first of which something else is written."""

    def __init__(self, db: Database, first: Any) -> None:
        self.db, self.first, self.begun = db, first, 0

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        if not self.begun:
            with self.db.write() as tx:
                self.first(tx)
        self.begun += 1
        with self.db.write() as tx:
            yield tx


def rows(db: Database) -> list[tuple[str, str | None, str | None]]:
    with db.read() as tx:
        found = tx.execute(sa.select(tables.inbox).order_by(tables.inbox.c.event_id)).all()
        return [(row.fate, row.reason, row.case_id) for row in found]


def opened(db: Database) -> int:
    with db.read() as tx:
        return tx.scalar(sa.select(sa.func.count()).select_from(tables.cases)) or 0


def test_a_case_that_was_decided_meanwhile_gets_nothing_and_nothing_is_lost(two: TwoPathways) -> None:
    inbox.accept(two.db, two.blobs, [told("enc", 130), low("enc")])
    state = tables.cases.update().where(tables.cases.c.case_id == two.ref.case_id).values(state=CaseState.DECIDED)
    written = two.dispatcher.look(Meanwhile(two.db, lambda tx: tx.execute(state)).write)
    assert (written.deliveries, written.opened, opened(two.db)) == ([], [], 1)
    assert rows(two.db) == [(Fate.PENDING, None, None), (Fate.PENDING, None, None)]
    again = two.dispatcher.look(two.db.write)
    assert [case.pathway for case in again.opened] == ["hears"]
    assert [wanted.events for wanted in again.reexaminations] == [{1}], (
        "its chart is read, though its decision may wait"
    )
    assert rows(two.db)[1] == (Fate.IGNORED, Ignored.NO_TRIGGER, None)


def test_events_that_were_settled_meanwhile_open_no_case(two: TwoPathways) -> None:
    inbox.accept(two.db, two.blobs, [told("enc", 130)])
    meanwhile = Meanwhile(two.db, lambda tx: inbox.settle(tx, [1], Fate.IGNORED, Ignored.HINT))
    assert two.dispatcher.look(meanwhile.write).opened == [] and opened(two.db) == 1
    assert rows(two.db) == [(Fate.IGNORED, Ignored.HINT, None)]


def test_what_changed_for_one_encounter_does_not_hold_up_another(two: TwoPathways) -> None:
    inbox.accept(two.db, two.blobs, [told("enc", 130), told("enc-2", 130)])
    meanwhile = Meanwhile(two.db, lambda tx: inbox.settle(tx, [1], Fate.IGNORED, Ignored.HINT))
    assert {case.encounter_id for case in two.dispatcher.look(meanwhile.write).opened} == {"enc-2"}


def test_a_plan_is_written_in_several_transactions_each_whole(
    two: TwoPathways, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_writing, "WRITE_S", 0.0001)
    inbox.accept(two.db, two.blobs, [told(f"enc-{number}", 130) for number in range(5)])
    counted = Meanwhile(two.db, lambda tx: None)
    written = two.dispatcher.look(counted.write)
    assert counted.begun == 5 and len(written.opened) == len(written.deliveries) == 10


def test_without_its_lease_a_look_writes_nothing(two: TwoPathways) -> None:
    inbox.accept(two.db, two.blobs, [told("enc", 130), low("other")])
    lease, begun = Lease("dispatcher", "a", 1), 0

    @contextmanager
    def lost_after_one() -> Iterator[sa.Connection]:
        nonlocal begun
        begun += 1
        raise LeaseLostError(lease)
        yield

    with pytest.raises(LeaseLostError):
        two.dispatcher.look(lost_after_one)
    assert begun == 1 and {fate for fate, _, _ in rows(two.db)} == {Fate.PENDING} and opened(two.db) == 1
    assert len(two.dispatcher.look(two.db.write).deliveries) == 2, (
        "the next look sees what is new, as if for the first time"
    )


def test_very_many_events_of_one_encounter_are_settled_in_parts(
    two: TwoPathways, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_writing, "EVENTS_AT_ONCE", 3)
    monkeypatch.setattr(plan_writing, "WRITE_S", 0.0001)
    inbox.accept(two.db, two.blobs, [low("enc", str(number)) for number in range(40)])
    counted = Meanwhile(two.db, lambda tx: None)
    two.dispatcher.look(counted.write)
    assert counted.begun > 5 and {fate for fate, _, _ in rows(two.db)} == {Fate.IGNORED}


async def test_absorbing_stops_where_the_case_has_ended(two: TwoPathways) -> None:
    inbox.accept(two.db, two.blobs, [told("enc", 130)])
    two.dispatcher.look(two.db.write)
    with two.db.write() as tx:
        cases.close_undecided(tx, two.ref.case_id)
    two.dispatcher.writer.absorb(two.ref.case_id, frozenset({1}), (), two.db.write)
    assert rows(two.db)[0][0] == Fate.PENDING


def low(encounter: str, number: str = "low") -> FhirEvent:
    return told(encounter, 80).model_copy(update={"resource_id": f"obs-{number}"})
