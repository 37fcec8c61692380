"""What people and operators are told of feeds that are not followed."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from integrations import clock
from integrations.ledger.feed_progress import TypeStanding
from service.process import feed_progress
from service.process.settings import TimingSettings
from tests.fakes.samples import NOW

TIMING = TimingSettings(health_s=5, reconcile_s=15)
TYPES = ("Encounter", "Observation", "Media", "DocumentReference", "Binary")


@pytest.fixture(autouse=True)
def at_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def standing(type_: str, read_ago_s: float | None = 1, **changes: Any) -> TypeStanding:
    read_at = NOW - timedelta(seconds=read_ago_s) if read_ago_s is not None else None
    return TypeStanding(feed="ehr", resource_type=type_, read_at=read_at, **changes)


def seen(*changed: TypeStanding, reading: bool = True) -> feed_progress.FeedView:
    every = {type_: standing(type_) for type_ in TYPES} | {one.resource_type: one for one in changed}
    return feed_progress.view(TIMING, "ehr", TYPES, every.values(), reading=reading)


def all_types(read_ago_s: float | None, **changes: Any) -> list[TypeStanding]:
    return [standing(type_, read_ago_s, **changes) for type_ in TYPES]


def test_while_all_is_read_nobody_is_told_anything() -> None:
    found = seen()
    assert (found.followed, feed_progress.for_the_ward(found), feed_progress.for_operators(found)) == (True, [], "")


@pytest.mark.parametrize(
    ("age_s", "changes", "followed"),
    [
        (59, {}, True),
        (61, {}, False),
        (19, {"fault": "503"}, True),
        (21, {"fault": "503"}, False),
        (1, {"fault": "401 Unauthorized", "refused": True}, False),
    ],
    ids=["between rounds", "no rounds", "a hiccup", "no answer", "refused"],
)
def test_a_feed_is_followed_until_it_is_refused_or_four_rounds_are_missed(
    age_s: float, changes: dict[str, Any], followed: bool
) -> None:
    assert seen(*all_types(age_s, **changes)).followed is followed


def test_what_was_noted_last_says_nothing_when_nobody_searches() -> None:
    assert not seen(reading=False).followed


@pytest.mark.parametrize(
    ("since", "told"),
    [
        (NOW, "Not connected to the chart since 08:30 UTC: new arrivals are not shown."),
        (NOW - timedelta(days=2), "Not connected to the chart since 2026-01-03 08:30 UTC: new arrivals are not shown."),
        (None, "Not yet connected to the chart: new arrivals are not shown."),
    ],
)
def test_the_ward_is_told_since_when_nothing_new_is_shown(since: datetime | None, told: str) -> None:
    ago_s = (NOW - since).total_seconds() if since else None
    refused = all_types(ago_s, fault="401 Unauthorized", refused=True)
    assert feed_progress.for_the_ward(seen(*refused)) == [told]


def test_a_feed_that_was_never_seen_is_not_yet_connected() -> None:
    found = feed_progress.view(TIMING, "ehr", TYPES, [], reading=True)
    assert feed_progress.for_the_ward(found) == ["Not yet connected to the chart: new arrivals are not shown."]
    assert feed_progress.for_operators(found).startswith("blind: Encounter (not yet read), Observation")


REFUSED = {"fault": "400 Cannot search on Binary resource type", "refused": True}


@pytest.mark.parametrize(
    ("blind", "told"),
    [
        ([standing("Binary", **REFUSED)], "Some new recordings are not seen: the chart refuses them."),
        ([standing("Binary", **REFUSED), standing("Media", **REFUSED), standing("DocumentReference", **REFUSED)],
         "New recordings are not seen: the chart refuses them."),
        ([standing("Encounter", **REFUSED)], "New arrivals are not seen: the chart refuses them."),
        ([standing("Encounter", pushed=True, **REFUSED)], "New arrivals may be missed: the chart refuses them."),
        ([standing("Observation", 90, fault="503")],
         "New measurements and results are not seen: the chart does not answer for them."),
    ],
)  # fmt: skip
def test_the_ward_is_told_what_of_the_new_is_not_seen(blind: list[TypeStanding], told: str) -> None:
    found = seen(*blind)
    assert (found.followed, feed_progress.for_the_ward(found)) == (True, [told])


def test_operators_are_told_the_types_and_the_servers_words() -> None:
    found = seen(standing("Binary", **REFUSED), standing("Encounter", 61))
    assert feed_progress.for_operators(found) == (
        "blind: Encounter (not read in time: is the gateway running?), "
        "Binary (400 Cannot search on Binary resource type)"
    )
