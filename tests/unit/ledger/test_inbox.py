"""What was accepted, and what became of it."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.errors import LedgerError
from contracts.events import Fate, FhirEvent, Ignored
from integrations import clock
from integrations.blobs.store import BlobStore
from integrations.fhir.notifications import unreadable
from integrations.ledger import cases, counters, deliveries, inbox, readings, tables
from integrations.ledger.database import Database
from tests.fakes.samples import NAME, NOW, REF, event


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
        deliveries.absorb(tx, [1, 2], "case-1", set())
    found = balance(db)
    assert (found[Fate.IGNORED], found[Fate.ABSORBED], found[Fate.PENDING]) == (1, 1, 1)


def test_only_what_waits_or_was_told_to_the_case_makes_its_suggestion_stale(db: Database, blobs: BlobStore) -> None:
    inbox.accept(db, blobs, [event(str(n)) for n in range(4)] + [event("9", encounter_id="enc-2")])
    with db.write() as tx:
        inbox.settle(tx, [4], Fate.IGNORED, Ignored.OWN_WRITE)
        deliveries.absorb(tx, [1, 3], "case-1", set())
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
            deliveries.absorb(tx, [1], case, set())
        assert tx.execute(sa.select(tables.deliveries).order_by("case_id")).all() == [(1, "case-1"), (1, "case-2")]
    assert balance(db)[Fate.ABSORBED] == 1


def test_only_what_a_higher_version_followed_before_anybody_looked_is_replaced(db: Database, blobs: BlobStore) -> None:
    for told in [event(version_id=v) for v in ("9", "10", "draft", "3")] + [event("other")]:
        inbox.accept(db, blobs, [told])
    with db.read() as tx:
        assert inbox.replaced(inbox.pending(tx)) == {1}


def test_a_version_of_another_encounter_replaces_nothing(db: Database, blobs: BlobStore) -> None:
    for told in (event(), event(version_id="2", encounter_id="enc-2")):
        inbox.accept(db, blobs, [told])
    with db.read() as tx:
        assert inbox.replaced(inbox.pending(tx)) == set()


def test_a_version_of_very_many_digits_does_not_end_the_dispatcher(db: Database, blobs: BlobStore) -> None:
    inbox.accept(db, blobs, [event(version_id="9" * 5000), event(version_id="1")])
    with db.read() as tx:
        assert inbox.replaced(inbox.pending(tx)) == set()


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


def test_no_event_counts_as_accepted_earlier_than_one_that_stands_before_it(db: Database, blobs: BlobStore) -> None:
    with ThreadPoolExecutor(2) as senders:
        with db.write() as tx:
            sent = [senders.submit(inbox.accept, db, blobs, [event(resource_id=f"o-{n}")]) for n in (1, 2)]
            time.sleep(0.3)  # both wait for the lock by now
            held_until = clock.now()
        assert [one.result() for one in sent] == [1, 1]
    with db.read() as tx:
        times = [row.accepted_at for row in inbox.pending(tx)]
    assert held_until <= times[0] <= times[1]


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
        deliveries.absorb(tx, [1], "case-1", set())
        inbox.assign(tx, [1], "case-2")
        assert tx.scalar(sa.select(tables.inbox.c.case_id)) == "case-1"


@pytest.mark.parametrize("at_once", [1, 7, 100])
def test_a_feed_fills_its_quota_of_unreadable_rows_and_one_row_counts_the_rest(
    db: Database, blobs: BlobStore, at_once: int
) -> None:
    sent = [unreadable("ehr", str(n).encode(), "no JSON") for n in range(100)]
    for start in range(0, 100, at_once):
        inbox.accept(db, blobs, sent[start : start + at_once], 10)
    inbox.accept(db, blobs, [unreadable("other", b"x", "no JSON"), *(event(str(n)) for n in range(20))], 10)
    found = balance(db)
    assert (found[Fate.QUARANTINED], found[Fate.PENDING]) == (10 + 1 + 1, 20), "what can be read has rows of its own"
    with db.read() as tx:
        rows = list(tx.execute(tables.inbox.select().where(tables.inbox.c.resource_id.like("rest-%"))))
        (counter,) = tx.scalars(
            sa.select(tables.counters.c.name).where(tables.counters.c.name.like("unreadable:ehr:%"))
        )
        assert counters.counted(tx, counter) == 100
    assert [(row.feed, counter in row.reason) for row in rows] == [("ehr", True)]


def test_the_quota_begins_again_with_the_hour(db: Database, blobs: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for hour in (8, 9):
        monkeypatch.setattr(clock, "now", lambda hour=hour: datetime(2026, 3, 1, hour, 5, tzinfo=UTC))
        inbox.accept(db, blobs, [unreadable("ehr", f"{hour} {n}".encode(), "no JSON") for n in range(5)], 2)
    assert balance(db)[Fate.QUARANTINED] == 2 * (2 + 1)


def observed(version_id: str = "1", value: int = 98, moment: str = "08:30:00", **changes: Any) -> FhirEvent:
    """Return an Observation of enc-1 as our search finds it, or as a feed claims it."""
    meta = {"versionId": version_id, "lastUpdated": f"2026-01-05T{moment}Z"}
    body = {"resourceType": "Observation", "id": "obs-1", "meta": meta, "value": value}
    return event("obs-1", version_id, body=json.dumps(body).encode(), **changes)


def rows(db: Database) -> list[tuple[str, str]]:
    with db.read() as tx:
        found = tx.execute(sa.select(tables.inbox).order_by(tables.inbox.c.event_id))
        return [(row.version_id, row.fate) for row in found]


def test_what_a_search_finds_is_one_row_however_often_it_is_found(db: Database, blobs: BlobStore) -> None:
    assert [inbox.accept_found(db, blobs, [observed()]) for _ in range(3)] == [1, 0, 0]
    assert rows(db) == [("1", Fate.PENDING)]


def test_what_was_pushed_and_waits_is_not_accepted_again(db: Database, blobs: BlobStore) -> None:
    inbox.accept(db, blobs, [observed()])
    assert inbox.accept_found(db, blobs, [observed()]) == 0


def test_a_version_that_was_claimed_with_another_content_is_accepted_once_more(db: Database, blobs: BlobStore) -> None:
    inbox.accept(db, blobs, [observed("2", value=98)])
    assert inbox.accept_found(db, blobs, [observed("2", value=72)]) == 1
    assert rows(db) == [("2", Fate.PENDING), ("2#1", Fate.PENDING)]
    with db.read() as tx:
        assert [a.event.version for a in inbox.pending(tx)] == ["2", "2"]


@pytest.mark.parametrize(("read", "again"), [("2 2026-01-05T08:30:00Z", 0), ("1 2026-01-05T08:29:00Z", 1), (None, 1)])
def test_a_version_that_its_case_did_not_find_in_the_chart_yet_is_accepted_once_more(
    db: Database, blobs: BlobStore, read: str | None, again: int
) -> None:
    inbox.accept(db, blobs, [observed("2")])
    with db.write() as tx:
        deliveries.absorb(tx, [1], "case-1", set())
        if read:
            readings.note(tx, "case-1", {("Observation", "obs-1"): read})
    assert [inbox.accept_found(db, blobs, [observed("2")]) for _ in range(2)] == [again, 0]


@pytest.mark.parametrize(
    ("fate", "reason", "again"),
    [(Fate.IGNORED, Ignored.NO_TRIGGER, 0), (Fate.IGNORED, Ignored.OWN_WRITE, 0), (Fate.QUARANTINED, "odd", 0),
     (Fate.IGNORED, Ignored.CASE_CLOSED, 1), (Fate.SUPERSEDED, None, 1)],
)  # fmt: skip
def test_what_was_judged_by_its_content_alone_keeps_its_fate_and_the_rest_is_read_again(
    db: Database, blobs: BlobStore, fate: Fate, reason: str | None, again: int
) -> None:
    inbox.accept(db, blobs, [observed("2")])
    with db.write() as tx:
        inbox.settle(tx, [1], fate, reason)
    assert inbox.accept_found(db, blobs, [observed("2")]) == again


def test_a_version_number_that_begins_again_is_news(db: Database, blobs: BlobStore) -> None:
    found = [observed("7"), observed("1", value=72, moment="08:31:00"), observed("7", value=60, moment="08:32:00")]
    assert [inbox.accept_found(db, blobs, [one]) for one in found] == [1, 1, 1]
    assert [version for version, _ in rows(db)] == ["7", "1", "7#1"]


def test_what_a_search_finds_that_cannot_be_read_is_one_quarantined_row(db: Database, blobs: BlobStore) -> None:
    odd = unreadable("ehr", b"{}", "no versioned FHIR resource")
    assert [inbox.accept_found(db, blobs, [odd, observed()]) for _ in range(2)] == [2, 0]


def test_a_notice_without_a_version_reaches_every_encounter_that_is_known_of_its_resource(
    db: Database, blobs: BlobStore
) -> None:
    inbox.accept(db, blobs, [observed(), observed("2", encounter_id="enc-2")])
    with db.write() as tx:
        cases.open_new(tx, REF.model_copy(update={"encounter_id": "enc-3"}), timedelta(minutes=5), NOW)
        readings.note(tx, REF.case_id, {("Observation", "obs-1"): "1 "})
    assert inbox.accept_hints(db, blobs, "ehr", "Observation", "obs-1") == 3
    with db.read() as tx:
        hints = [a.event for a in inbox.pending(tx) if a.event.hint]
    assert {hint.encounter_id for hint in hints} == {"enc-1", "enc-2", "enc-3"}
    assert {hint.version for hint in hints} == {""}


def test_two_notices_of_one_deletion_are_two_rows_and_one_of_the_unknown_has_no_encounter(
    db: Database, blobs: BlobStore
) -> None:
    assert [inbox.accept_hints(db, blobs, "ehr", "Observation", "unknown") for _ in range(2)] == [1, 1]
    with db.read() as tx:
        assert [a.event.encounter_id for a in inbox.pending(tx)] == [None, None]
    assert balance(db)["accepted"] == 2
