"""The search for what feeds missed: one type that is refused, or does not answer, stops no other."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from activities.world import World
from integrations import clock
from integrations.blobs.store import BlobStore
from integrations.fhir.feed import Feed
from integrations.ledger import feed_progress, marks, tables
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database
from integrations.ledger.records import Records
from service.gateway import reconciler
from service.gateway.reconciler import Reconciler
from service.process.settings import TimingSettings
from tests.fakes.chart import StrictServer

TYPES = ("Encounter", "Observation", "Media", "DocumentReference", "Binary")
TIMING = TimingSettings(reconcile_s=15)


class Followed:
    """A strict server, a reconciler that follows it, and a clock that a test turns."""

    def __init__(self, db: Database, blobs: BlobStore, clock: pytest.MonkeyPatch) -> None:
        self.db, self.server, self.seconds = db, StrictServer(), 0.0
        clock.setattr(reconciler, "time", SimpleNamespace(monotonic=lambda: self.seconds))
        live: Any = None
        client = self.server.client()
        self.world = World(Records(db, blobs, Auditor("gateway", b"a" * 32)), client, live, {}, {}, "0.1.0")
        self.feed = Feed("ehr", client, TYPES, "http://gateway.test/feeds/ehr", "s3cret")
        self.reconciler = Reconciler(self.world.records, [self.feed], TIMING)

    def for_seconds(self, seconds: float) -> list[str]:
        """Let time pass as the loop does; return what was asked of the server meanwhile."""
        end, before = self.seconds + seconds, len(self.server.asked)
        while self.seconds <= end:
            self.seconds += max(self.reconciler.step(), 0.001)
        return self.server.asked[before:]

    def standings(self) -> dict[str, feed_progress.TypeStanding]:
        with self.db.read() as tx:
            return {one.resource_type: one for one in feed_progress.seen(tx)}

    def accepted(self) -> list[tuple[str, str]]:
        with self.db.read() as tx:
            return [(r.resource_type, r.version_id) for r in tx.execute(sa.select(tables.inbox).order_by("event_id"))]


@pytest.fixture
def followed(db: Database, blobs: BlobStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Followed]:
    yield Followed(db, blobs, monkeypatch)


def test_types_that_are_refused_are_named_and_the_others_are_accepted(followed: Followed) -> None:
    followed.server.changed("Encounter", "enc-1")
    followed.server.changed("Observation", "obs-1")
    followed.reconciler.step()
    assert followed.accepted() == [("Encounter", "1"), ("Observation", "1")]
    kept = followed.standings()
    assert {type_ for type_, one in kept.items() if one.read_at} == {"Encounter", "Observation", "DocumentReference"}
    assert (kept["Binary"].fault, kept["Binary"].refused) == ("400 Cannot search on Binary resource type", True)
    assert (kept["Media"].fault, kept["Media"].refused) == ("403 Forbidden", True)


def test_a_type_that_comes_back_is_caught_up_from_where_it_was(followed: Followed) -> None:
    followed.reconciler.step()
    with followed.db.read() as tx:
        start = feed_progress.reached(tx, "ehr", "Media")
    followed.for_seconds(300)
    with followed.db.read() as tx:
        assert feed_progress.reached(tx, "ehr", "Media") == start
    del followed.server.refused["Media"]
    followed.server.changed("Media", "m-1")
    followed.for_seconds(reconciler.MOST_PAUSE_S)
    assert ("Media", "1") in followed.accepted()
    kept = followed.standings()["Media"]
    assert (kept.fault, kept.refused, kept.pushed) == ("", False, True)


def test_what_was_noted_for_the_whole_feed_becomes_the_moment_of_each_type(followed: Followed) -> None:
    before = datetime.fromisoformat("2026-01-05T08:00:00+00:00")
    with followed.db.write() as tx:
        marks.set_mark(tx, "reconciled:ehr", before.isoformat())
    followed.reconciler.step()
    with followed.db.read() as tx:
        assert marks.mark(tx, "reconciled:ehr") is None
        assert feed_progress.reached(tx, "ehr", "Binary") == before
        read = feed_progress.reached(tx, "ehr", "Encounter")
    assert read is not None and read > before


def test_a_refused_search_is_asked_less_and_less_and_the_others_as_ever(followed: Followed) -> None:
    asked = followed.for_seconds(600)
    assert 14 <= asked.count("GET Binary") <= 17, "after 1, 2, 4, 8, 16, 32, then every 60 s"
    assert 38 <= asked.count("GET Encounter") <= 42


def test_a_refused_subscription_is_asked_for_less_and_less_and_stops_no_search(followed: Followed) -> None:
    followed.server.subscriptions = "refused"
    asked = followed.for_seconds(600)
    assert asked.count("GET Subscription/wardflow-ehr-encounter") <= 17
    assert 38 <= asked.count("GET Encounter") <= 42


def test_a_subscription_that_stays_requested_does_not_count_as_pushed(followed: Followed) -> None:
    followed.server.subscriptions = "requested"
    followed.for_seconds(60)
    assert not any(one.pushed for one in followed.standings().values())


def test_with_a_refused_token_every_type_is_refused_and_few_calls_are_made(followed: Followed) -> None:
    followed.server.token = "another"
    asked = followed.for_seconds(60)
    assert {one.fault for one in followed.standings().values()} == {"401 Unauthorized"}
    assert len(asked) < 90


def test_a_type_without_an_answer_stops_no_other_and_is_asked_for_nothing_else(followed: Followed) -> None:
    followed.server.silent = {"Encounter"}
    followed.server.changed("Observation", "obs-1")
    asked = followed.for_seconds(60)
    assert followed.accepted() == [("Observation", "1")]
    kept = followed.standings()["Encounter"]
    assert (kept.refused, kept.read_at) == (False, None) and "ReadTimeout" in kept.fault
    assert "GET Subscription/wardflow-ehr-encounter" not in asked
    followed.server.silent = set()
    followed.server.changed("Encounter", "enc-1")
    followed.for_seconds(TIMING.reconcile_s)
    assert ("Encounter", "1") in followed.accepted()


def test_the_first_start_looks_no_further_back_than_the_overlap(followed: Followed) -> None:
    followed.reconciler.step()
    with followed.db.read() as tx:
        start = feed_progress.reached(tx, "ehr", "Media")
    assert start is not None and clock.now() - start < timedelta(minutes=1)
