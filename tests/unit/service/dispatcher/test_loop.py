"""One look at the inbox: whatever stands in one event, the others get their fate."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from hypothesis import example, given
from hypothesis import strategies as st

from activities.world import World
from contracts.events import Fate, FhirEvent, Ignored
from integrations import clock
from integrations.blobs.store import BlobStore
from integrations.ledger import inbox, readings, tables
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database
from integrations.ledger.records import Records
from service.dispatcher.loop import Delays, Dispatcher
from service.process.settings import PathwaySettings, Settings, TimingSettings, TriggerSettings
from tests.fakes.parts import PARTS
from tests.fakes.samples import KEYRING, NOW, event
from tests.fakes.silence import NobodyListens
from tests.fakes.two_pathways import HIGH, TwoPathways, told


@pytest.fixture
def dispatcher(db: Database, blobs: BlobStore) -> Dispatcher:
    trigger = TriggerSettings(resource="Observation", where=HIGH, opens=True)
    return looking(db, blobs, trigger, TimingSettings(window_quiet_s=0))


def looking(db: Database, blobs: BlobStore, trigger: TriggerSettings, timing: TimingSettings) -> Dispatcher:
    pathway = PathwaySettings(feed="ehr", roles=("triage_nurse",), deadline_s=300, ladder_s=(600,), triggers=(trigger,))
    given = Settings.model_validate({"state": ".", "parts": PARTS, "pathways": {"p": pathway}, "timing": timing})
    live, nothing = cast(Any, NobodyListens()), cast(Any, None)
    world = World(Records(db, blobs, Auditor("gateway", b"a" * 32)), nothing, live, {}, {}, "0.1.0")
    return Dispatcher(world, nothing, given, "00")


def fates(db: Database) -> dict[str, str]:
    with db.read() as tx:
        return {row.encounter_id: row.fate for row in tx.execute(tables.inbox.select())}


@pytest.mark.parametrize("odd", ["high", True, {"a": 1}, [1, 2], float("nan")], ids=str)
def test_an_event_on_which_a_condition_fails_is_quarantined_and_holds_up_no_other(
    dispatcher: Dispatcher, db: Database, blobs: BlobStore, odd: Any
) -> None:
    inbox.accept(db, blobs, [told("odd", odd), told("high", 130), told("low", 80)])
    written = dispatcher.look(db.write)
    assert fates(db) == {"odd": "quarantined", "high": "pending", "low": "ignored"}
    assert [delivery.events for delivery in written.deliveries] == [{2}]


def test_an_event_whose_body_is_out_of_reach_waits_alone(
    dispatcher: Dispatcher, db: Database, blobs: BlobStore
) -> None:
    inbox.accept(db, blobs, [told("large", 130, padding=100_000), told("high", 130)])
    with db.read() as tx:
        (lost,) = [row.body_blob for row in tx.execute(tables.inbox.select()) if row.body_blob]
    blobs.fs.rm_file(blobs._path(lost))
    assert [delivery.events for delivery in dispatcher.look(db.write).deliveries] == [{2}]
    assert fates(db)["large"] == "pending"
    blobs.put(told("large", 130, padding=100_000).body)
    dispatcher.delays = Delays()
    assert {1} in [delivery.events for delivery in dispatcher.look(db.write).deliveries]


class Ledger:
    """A ledger into which events come at given moments, and a dispatcher that looks at them."""

    def __init__(self, db: Database, blobs: BlobStore, clock: pytest.MonkeyPatch) -> None:
        self.db, self.blobs, self._clock = db, blobs, clock
        self._dispatcher = looking(db, blobs, TriggerSettings(resource="Encounter", opens=True), TimingSettings())

    def hears(self, told: FhirEvent, after_s: float) -> None:
        self._at(after_s)
        inbox.accept(self.db, self.blobs, [told])

    def looked_at(self, after_s: float) -> list[str]:
        """Look once; return the fates in the order of acceptance."""
        self._at(after_s)
        self._dispatcher.look(self.db.write)
        with self.db.read() as tx:
            return list(tx.scalars(sa.select(tables.inbox.c.fate).order_by(tables.inbox.c.event_id)))

    def case(self) -> Any:
        with self.db.read() as tx:
            return tx.execute(sa.select(tables.cases)).first()

    def _at(self, after_s: float) -> None:
        moment: datetime = NOW + timedelta(seconds=after_s)
        self._clock.setattr(clock, "now", lambda: moment)


@pytest.fixture
def ledger(db: Database, blobs: BlobStore, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    return Ledger(db, blobs, monkeypatch)


def stay(version_id: str) -> FhirEvent:
    return event("enc-1", version_id, resource_type="Encounter")


def test_an_arrival_that_is_written_again_at_once_keeps_the_clock_of_its_first_event(ledger: Ledger) -> None:
    ledger.hears(stay("1"), 0)
    ledger.hears(stay("2"), 0.9)
    assert ledger.looked_at(1.0) == [Fate.PENDING, Fate.PENDING]
    assert ledger.looked_at(2.0) == [Fate.SUPERSEDED, Fate.PENDING]
    assert ledger.case().accepted_at == NOW


def test_an_arrival_that_is_written_again_and_again_does_not_hold_its_window_open(ledger: Ledger) -> None:
    for number in range(8):
        ledger.hears(stay(str(number + 1)), number * 0.8)
        ledger.looked_at(number * 0.8)
    assert ledger.case().accepted_at == NOW


def test_a_lower_version_that_comes_late_is_given_to_the_case_which_reads_the_chart(ledger: Ledger) -> None:
    ledger.hears(stay("999999999999999"), 0)
    ledger.looked_at(2.0)
    ledger.hears(stay("2"), 2.1)
    assert ledger.looked_at(4.2) == [Fate.PENDING, Fate.PENDING]


@pytest.fixture
def two(db: Database, blobs: BlobStore) -> TwoPathways:
    return TwoPathways(db, blobs)


def test_an_own_write_is_news_to_another_pathway_and_not_to_the_one_that_wrote_it(two: TwoPathways) -> None:
    inbox.accept(two.db, two.blobs, [two.writes(130)])
    assert two.looked_at() == ([(Fate.PENDING, None)], {}), "not before it is known whose it is"
    two.noted()
    fates, told_to = two.looked_at()
    assert (fates, told_to) == ([(Fate.PENDING, None)], {"hears": {1}})


def test_an_own_write_for_which_no_other_pathway_waits_is_ignored_as_our_own(two: TwoPathways) -> None:
    inbox.accept(two.db, two.blobs, [two.writes(80)])
    two.noted()
    assert two.looked_at() == ([(Fate.IGNORED, Ignored.OWN_WRITE)], {})


def test_an_own_write_that_was_written_over_is_no_news(two: TwoPathways) -> None:
    for version in ("1", "2"):
        inbox.accept(two.db, two.blobs, [two.writes(130, version)])
        two.noted(version)
    fates, told_to = two.looked_at()
    assert (fates[0], told_to) == ((Fate.IGNORED, Ignored.OWN_WRITE), {"hears": {2}})


def test_what_somebody_else_wrote_over_ours_is_news_to_both(two: TwoPathways) -> None:
    two.writes(80)
    two.noted()
    inbox.accept(two.db, two.blobs, [two.writes(130, "2").model_copy(update={"own": False})])
    assert two.looked_at()[1] == {"says": {1}, "hears": {1}}


def hinted(two: TwoPathways) -> tuple[list[tuple[str, str | None]], dict[str, set[int]]]:
    with two.db.write() as tx:
        readings.note(tx, two.ref.case_id, {("Observation", "obs-enc"): "1 "})
    inbox.accept_hints(two.db, two.blobs, "ehr", "Observation", "obs-enc")
    return two.looked_at()


def test_a_deletion_is_told_to_the_open_cases_of_its_encounter_and_opens_none(two: TwoPathways) -> None:
    assert hinted(two) == ([(Fate.PENDING, None)], {"says": {1}})


def test_a_deletion_that_no_open_case_needs_is_ignored_as_a_hint(two: TwoPathways) -> None:
    with two.db.write() as tx:
        tx.execute(tables.cases.update().values(state="written"))
    assert hinted(two) == ([(Fate.IGNORED, Ignored.HINT)], {})


class OneCase:
    """A chart with one Observation, a feed that may claim anything of it, and the open case that reads it."""

    def __init__(self, folder: Path) -> None:
        self.db, self.blobs = Database(f"sqlite:///{folder}/ledger.db"), BlobStore.at(f"{folder}/blobs", KEYRING)
        self.db.create()
        trigger = TriggerSettings(resource="Observation", opens=True)
        self.dispatcher = looking(self.db, self.blobs, trigger, TimingSettings(window_quiet_s=0))
        self.moment = self.seen = 0
        self.before = self.chart = self.version(1, 130)
        self.finds()
        self.looks()

    def version(self, number: int, value: int) -> dict[str, Any]:
        self.moment += 1
        meta = {"versionId": str(number), "lastUpdated": f"moment {self.moment}"}
        return {"resourceType": "Observation", "id": "obs", "meta": meta, "valueQuantity": {"value": value}}

    def becomes(self, number: int, value: int) -> None:
        self.before, self.chart = self.chart, self.version(number, value)

    def tells(self, resource: dict[str, Any]) -> None:
        inbox.accept(self.db, self.blobs, [self.event(resource)])

    def finds(self) -> None:
        inbox.accept_found(self.db, self.blobs, [self.event(self.chart)])

    def event(self, resource: dict[str, Any]) -> FhirEvent:
        version, body = resource["meta"]["versionId"], json.dumps(resource).encode()
        return event("obs", version, encounter_id="enc", body=body)

    def looks(self, *, late: bool = False) -> None:
        """Have the dispatcher look, and the case read what it is told of: late, from a copy that lags behind."""
        for delivery in self.dispatcher.look(self.db.write).deliveries:
            read = self.before if late else self.chart
            with self.db.write() as tx:
                readings.note_snapshot(tx, delivery.case_id, [read])
            self.seen = read["valueQuantity"]["value"]
            self.dispatcher.writer.absorb(delivery.case_id, delivery.events, (), self.db.write)


NUMBERS = st.sampled_from([1, 2, 3, 4, 7, 999999999999999])
VALUES = st.sampled_from([72, 98, 130, 140])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("claims"), NUMBERS, VALUES),
        st.tuples(st.sampled_from(["changes", "changes unheard"]), NUMBERS, VALUES),
        st.tuples(st.sampled_from(["finds", "looks", "looks late"])),
    ),
    max_size=14,
)


@example([("claims", 999999999999999, 130), ("looks",), ("changes", 2, 72)])
@example([("claims", 2, 72), ("looks",), ("changes unheard", 2, 72)])
@example([("changes", 7, 130), ("looks",), ("changes", 2, 140), ("looks",), ("changes unheard", 7, 98)])
@example([("changes", 2, 130), ("looks late",), ("finds",), ("looks late",)])
@given(STEPS)
def test_whatever_versions_a_feed_claims_the_case_sees_what_the_chart_holds(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]]
) -> None:
    """After the feed's claims and changes in any order, versions going back included, one search and one look suffice.

    A look may be late at most as long as no search followed: what our own search found, the chart shows.
    """
    one = OneCase(tmp_path_factory.mktemp("claimed"))
    for name, *given_ in steps:
        if name == "claims":
            one.tells(one.version(*given_))
        elif name.startswith("changes"):
            one.becomes(*given_)
            if name == "changes":
                one.tells(one.chart)
        elif name == "finds":
            one.finds()
            one.before = one.chart
        else:
            one.looks(late=name == "looks late")
    one.finds()
    one.looks()
    assert one.seen == one.chart["valueQuantity"]["value"]
