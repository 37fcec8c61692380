"""The hospital's time zone: whose midnight changes ages, and in which times without a zone are read."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import charts
from agents.dictation import pathway as dictation
from agents.ed_triage import pathway as ed_triage
from agents.pathway import Pathway
from agents.result_followup import pathway as result_followup
from contracts.charts import ChartFacts

ZONES = ("UTC", "Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu", "America/New_York")
STAY = {"resourceType": "Encounter", "id": "e", "status": "arrived", "subject": {"reference": "Patient/p"}}
PATHWAYS = {"ed_triage": ed_triage, "result_followup": result_followup, "dictation": dictation}
# hypothesis wants the ends without a zone
LOCAL = st.datetimes(datetime.fromisoformat("2001-01-01"), datetime.fromisoformat("2037-01-01"))
MOMENTS = LOCAL.map(lambda moment: moment.replace(tzinfo=UTC))


def pathway(name: str, zone: str) -> Pathway:
    return PATHWAYS[name].configure({} if zone == "UTC" else {"time_zone": zone})


def read(zone: str, as_of: datetime, *resources: dict[str, Any], name: str = "ed_triage") -> ChartFacts:
    return pathway(name, zone).read_chart([STAY, *resources], "e", as_of)


def born(day: str) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "p", "birthDate": day}


def rate(**times: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"code": "8867-4"}]}, "valueQuantity": {"value": 80, "unit": "/min"}, **times,
    }  # fmt: skip


def age(facts: ChartFacts) -> tuple[str, float | None]:
    fact = facts.get("age")
    assert fact
    return fact.value, fact.number


@pytest.mark.parametrize("name", PATHWAYS)
@pytest.mark.parametrize("zone", ZONES)
@given(as_of=MOMENTS)
def test_a_newborn_of_today_is_0_days_old_wherever_the_hospital_is(name: str, zone: str, as_of: datetime) -> None:
    today = as_of.astimezone(ZoneInfo(zone)).date()
    facts = read(zone, as_of, born(today.isoformat()), name=name)
    assert age(facts) == ("0 days", 0.0) and not facts.left_out


@given(zone=st.sampled_from(ZONES), as_of=MOMENTS, days=st.integers(0, 20_000))
def test_an_age_is_counted_in_the_days_of_the_hospital(zone: str, as_of: datetime, days: int) -> None:
    today = as_of.astimezone(ZoneInfo(zone)).date()
    birth = today - timedelta(days=days)
    value, number = age(read(zone, as_of, born(birth.isoformat())))
    assert number is not None and number >= 0
    years = today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))
    assert value == str(years) if years >= 3 else number == round(days / 365.25, 3)


def test_a_birthday_begins_at_the_hospitals_midnight() -> None:
    evening = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)  # half past midnight of the second in Berlin
    child = born("2010-03-02")
    assert age(read("UTC", evening, child))[0] == "15" and age(read("Europe/Berlin", evening, child))[0] == "16"
    morning = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)  # still the first in New York
    assert age(read("America/New_York", morning, child))[0] == "15" and age(read("UTC", morning, child))[0] == "16"


def test_a_newborn_of_tomorrow_in_utc_has_its_second_day_a_day_later() -> None:
    evening = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert age(read("Europe/Berlin", evening, born("2026-03-01")))[0] == "1 day"
    assert age(read("UTC", evening, born("2026-03-01")))[0] == "0 days"
    assert age(read("UTC", evening, born("2026-03-02")))[0] == "0 days"


@given(zone=st.sampled_from(ZONES), as_of=MOMENTS, ahead=st.integers(2, 4000))
def test_nobody_born_later_has_an_age(zone: str, as_of: datetime, ahead: int) -> None:
    day = as_of.astimezone(ZoneInfo(zone)).date() + timedelta(days=ahead)
    facts = read(zone, as_of, born(day.isoformat()))
    assert facts.get("age") is None and facts.left_out


@pytest.mark.parametrize("day", ["0001-01-01", "1066", "1890-01"])
def test_an_impossible_birth_date_is_named_in_every_zone(day: str) -> None:
    as_of = datetime(2026, 6, 15, 12, tzinfo=UTC)
    said = {zone: read(zone, as_of, born(day)).left_out for zone in ZONES}
    assert all(lines == said["UTC"] and "birth date" in lines[0] for lines in said.values())


@given(zone=st.sampled_from(ZONES), local=LOCAL)
def test_a_time_without_a_zone_is_one_of_the_hospital(zone: str, local: datetime) -> None:
    expected = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    facts = read(zone, expected + timedelta(hours=1), rate(effectiveDateTime=local.isoformat()))
    fact = facts.get("hr")
    at = fact.effective_at if fact else None
    assert at is not None and at == expected and at.tzinfo == UTC


@given(zone=st.sampled_from(ZONES), at=MOMENTS, hours=st.integers(-12, 14))
def test_a_time_with_a_zone_is_the_same_in_every_hospital(zone: str, at: datetime, hours: int) -> None:
    text = (at + timedelta(hours=hours)).replace(tzinfo=None).isoformat() + f"{hours:+03d}:00"
    fact = read(zone, at + timedelta(hours=1), rate(effectiveDateTime=text)).get("hr")
    assert fact and fact.effective_at == at


def test_a_day_alone_begins_at_the_hospitals_midnight() -> None:
    evening = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    fact = read("Europe/Berlin", evening, rate(effectiveDateTime="2026-03-02")).get("hr")
    assert fact and fact.effective_at == datetime(2026, 3, 1, 23, tzinfo=UTC)
    assert read("UTC", evening, rate(effectiveDateTime="2026-03-02")).left_out, "ahead of the clock"


def test_of_an_hour_that_comes_twice_the_earlier_one_is_taken() -> None:
    assert charts.moment("2026-10-25T02:30:00", ZoneInfo("Europe/Berlin")) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("name", PATHWAYS)
def test_the_same_chart_gives_the_same_facts_again(name: str) -> None:
    as_of = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    chart = (born("2026-03-02"), rate(effectiveDateTime="2026-03-02T00:10:00", issued="2026-03-02"))
    for zone in ZONES:
        first, again = (read(zone, as_of, *chart, name=name) for _ in range(2))
        assert first.sha256() == again.sha256()


def test_utc_by_name_is_the_default() -> None:
    as_of = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    chart = [STAY, born("2025-03-02"), rate(effectiveDateTime="2026-03-01T10:10:00")]
    for module in PATHWAYS.values():
        plain, named = (module.configure(options) for options in ({}, {"time_zone": "UTC"}))
        assert plain.read_chart(chart, "e", as_of) == named.read_chart(chart, "e", as_of)


def potassium(id_: str, value: float, at: str, zone: str = "") -> dict[str, Any]:
    return rate(
        id=id_, code={"coding": [{"code": "2823-3"}]}, effectiveDateTime=at + zone,
        category=[{"coding": [{"code": "laboratory"}]}], interpretation=[{"coding": [{"code": "H"}]}],
        valueQuantity={"value": value, "unit": "furlong"},
    )  # fmt: skip


def test_flagged_results_are_in_the_hospitals_time_too() -> None:
    as_of = datetime(2026, 1, 1, 12, tzinfo=UTC)
    facts = read("Europe/Berlin", as_of, potassium("k", 6, "2026-01-01T12:30:00"), name="result_followup")
    (shown,) = [fact for fact in facts.facts if fact.resource.startswith("Observation/k")]
    assert shown.effective_at == datetime(2026, 1, 1, 11, 30, tzinfo=UTC)


def test_a_rate_and_a_qt_of_one_tracing_stay_together_in_every_zone() -> None:
    as_of = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    for when in ("2026-03-01T10:10:00", "2026-03-01"):
        qt = rate(
            id="qt", code={"coding": [{"code": "8634-8"}]}, valueQuantity={"value": 400, "unit": "ms"},
            effectiveDateTime=when,
        )  # fmt: skip
        for zone in ("UTC", "Europe/Berlin"):
            facts = read(zone, as_of, rate(effectiveDateTime=when), qt, name="result_followup")
            assert facts.number("hr") == 80 and facts.number("qt") == 400


def test_a_recording_was_made_in_the_hospitals_time() -> None:
    media = {
        "resourceType": "Media", "id": "m", "status": "completed", "encounter": {"reference": "Encounter/e"},
        "subject": {"reference": "Patient/p"}, "createdDateTime": "2026-03-02T00:10:00",
        "content": {"contentType": "audio/wav", "url": "Binary/b"},
    }  # fmt: skip
    as_of = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    (recording,) = read("Europe/Berlin", as_of, media, name="dictation").recordings
    assert recording.recorded_at == datetime(2026, 3, 1, 23, 10, tzinfo=UTC)


NAMES = st.sampled_from(("issued", "effectiveDateTime", "valueString", "period", "start")) | st.text()
RESOURCES = st.recursive(
    st.text() | st.none() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner)
)


@given(RESOURCES)
def test_zones_are_given_to_times_and_to_nothing_else(value: Any) -> None:
    assert charts.zoned(value, UTC) is value
    once = charts.zoned(value, ZoneInfo("Europe/Berlin"))
    assert once == value or once == charts.zoned(once, ZoneInfo("Europe/Berlin"))
    text = {"valueString": "2026-01-01T10:00:00", "issued": "2026-01-01T10:00:00", "note": [{"start": "2026-01-01"}]}
    assert charts.zoned(text, ZoneInfo("Europe/Berlin")) == text | {"issued": "2026-01-01T09:00:00+00:00"}
