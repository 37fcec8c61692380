"""What was accepted, and what became of it."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from contracts.errors import LedgerError
from contracts.events import Fate, FhirEvent, Ignored
from integrations.blobs.store import BlobStore
from integrations.fhir.notifications import unreadable
from integrations.ledger import inbox, tables
from integrations.ledger.tables import Database
from tests.fakes.samples import NAME, event


def balance(db: Database) -> dict[str, int]:
    with db.read() as tx:
        found = inbox.balance(tx)
    assert found["unaccounted"] == 0
    return found


def test_an_accepted_event_is_pending_and_its_body_is_kept_as_it_was(db: Database, blobs: BlobStore) -> None:
    bodies = [b'{"a": 1}', b"x" * (inbox.BODY_BYTES + 1)]
    told = [event(str(n), body=body) for n, body in enumerate(bodies)]
    assert inbox.accept(db, blobs, told) == 2
    with db.read() as tx:
        pending = inbox.pending(tx)
        assert [inbox.body(tx, blobs, p.event_id) for p in pending] == bodies
    assert [p.event for p in pending] == [t.model_copy(update={"body": b""}) for t in told]
    assert balance(db)[Fate.PENDING] == 2


def test_no_body_lies_readable_on_disk(db: Database, blobs: BlobStore, tmp_path: Path) -> None:
    inbox.accept(db, blobs, [event("1", body=NAME.encode()), event("2", body=NAME.encode() * 5000)])
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and NAME.encode() in p.read_bytes()]


def test_a_version_told_again_changes_nothing(db: Database, blobs: BlobStore) -> None:
    assert inbox.accept(db, blobs, [event(), event()]) == 1
    assert inbox.accept(db, blobs, [event(), event(version_id="2"), event(feed="other")]) == 2
    assert balance(db)["accepted"] == 3


def test_what_could_not_be_read_is_accepted_as_quarantined(db: Database, blobs: BlobStore) -> None:
    inbox.accept(db, blobs, [unreadable("ehr", b"\xff", "no UTF-8"), event()])
    assert (balance(db)[Fate.QUARANTINED], balance(db)[Fate.PENDING]) == (1, 1)
    with db.read() as tx:
        assert tx.scalar(sa.select(tables.inbox.c.reason).where(tables.inbox.c.event_id == 1)) == "no UTF-8"


def test_an_event_keeps_its_first_fate(db: Database, blobs: BlobStore) -> None:
    inbox.accept(db, blobs, [event(str(n)) for n in range(3)])
    with db.write() as tx:
        inbox.settle(tx, [1], Fate.IGNORED, Ignored.NO_TRIGGER)
        inbox.absorb(tx, [1, 2], "case-1", set())
    found = balance(db)
    assert (found[Fate.IGNORED], found[Fate.ABSORBED], found[Fate.PENDING]) == (1, 1, 1)


def test_only_what_waits_or_was_told_to_the_case_makes_its_suggestion_stale(db: Database, blobs: BlobStore) -> None:
    inbox.accept(db, blobs, [event(str(n)) for n in range(4)] + [event("9", encounter_id="enc-2")])
    with db.write() as tx:
        inbox.settle(tx, [4], Fate.IGNORED, Ignored.OWN_WRITE)
        inbox.absorb(tx, [1, 3], "case-1", set())
        assert [inbox.newest_event(tx, "enc-1", case) for case in ("case-1", "case-0")] == [3, 2]
        assert [inbox.newest_event(tx, encounter, "case-0") for encounter in ("enc-2", "enc-3")] == [5, 0]


def test_what_was_told_of_an_encounter_is_known_by_its_type(db: Database, blobs: BlobStore) -> None:
    told = [event("b"), event("a"), event("a", "2"), event("c", resource_type="Binary"), event("d", encounter_id="e")]
    inbox.accept(db, blobs, told)
    with db.read() as tx:
        assert inbox.told_of(tx, "Observation", "enc-1") == ["b", "a"]


def test_an_event_may_be_told_to_two_cases_and_to_each_once(db: Database, blobs: BlobStore) -> None:
    inbox.accept(db, blobs, [event()])
    with db.write() as tx:
        for case in ("case-1", "case-2", "case-1"):
            inbox.absorb(tx, [1], case, set())
        assert tx.execute(sa.select(tables.told).order_by("case_id")).all() == [(1, "case-1"), (1, "case-2")]
    assert balance(db)[Fate.ABSORBED] == 1


def test_a_version_is_outdated_by_a_higher_number(db: Database, blobs: BlobStore) -> None:
    inbox.accept(db, blobs, [event(version_id=v) for v in ("9", "10", "draft")] + [event("other")])
    with db.read() as tx:
        assert inbox.outdated(tx, inbox.pending(tx)) == {1}


def test_a_version_of_very_many_digits_does_not_end_the_dispatcher(db: Database, blobs: BlobStore) -> None:
    inbox.accept(db, blobs, [event(version_id="9" * 5000), event(version_id="1")])
    with db.read() as tx:
        assert inbox.outdated(tx, inbox.pending(tx)) == set()


def test_the_window_of_an_encounter_spans_what_others_wrote(db: Database, blobs: BlobStore) -> None:
    told = [event("1"), event("2"), event("3", own=True), event("4", encounter_id="enc-2", own=True)]
    for one in told:
        inbox.accept(db, blobs, [one])
    with db.read() as tx:
        first, second, *_ = inbox.pending(tx)
        assert inbox.windows(tx) == [
            inbox.Window("enc-1", first.accepted_at, second.accepted_at), inbox.Window("enc-2", None, None)
        ]  # fmt: skip
        assert [p.event.resource_id for p in inbox.pending(tx, ["enc-2"])] == ["4"]
        assert [p.event.resource_id for p in inbox.fresh(tx, 1, 2)] == ["2", "3"]


def test_text_that_the_database_cannot_keep_is_a_ledger_error(db: Database, blobs: BlobStore) -> None:
    odd = FhirEvent.model_construct(**event().model_dump() | {"resource_id": "\ud800"})
    with pytest.raises(LedgerError):
        inbox.accept(db, blobs, [odd])


def test_a_deleted_row_is_missed(db: Database, blobs: BlobStore) -> None:
    inbox.accept(db, blobs, [event("1"), event("2")])
    with db.write() as tx:
        tx.execute(tables.inbox.delete().where(tables.inbox.c.event_id == 1))
        assert inbox.balance(tx)["unaccounted"] == 1


def test_of_a_batch_that_cannot_be_kept_nothing_is_accepted(db: Database, blobs: BlobStore) -> None:
    with db.write() as tx:
        tx.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON inbox WHEN new.resource_id = '2' "
            "BEGIN SELECT RAISE(FAIL, 'Zebedee: disk full'); END"
        )
    with pytest.raises(LedgerError) as fault:
        inbox.accept(db, blobs, [event("1"), event("2")])
    assert "Zebedee" not in str(fault.value)
    assert balance(db)["accepted"] == 0


def test_an_absorbed_event_keeps_its_case(db: Database, blobs: BlobStore) -> None:
    inbox.accept(db, blobs, [event()])
    with db.write() as tx:
        inbox.absorb(tx, [1], "case-1", set())
        inbox.assign(tx, [1], "case-2")
        assert tx.scalar(sa.select(tables.inbox.c.case_id)) == "case-1"
