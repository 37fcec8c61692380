"""Who somebody is: of several names the current one, an age in days and months, and no odd element costs another."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from agents import charts
from agents.ed_triage.resources import read_chart
from contracts.charts import ChartFacts
from tests.fakes.samples import NOW

STAY = {"resourceType": "Encounter", "id": "e", "status": "arrived", "subject": {"reference": "Patient/p"}}
QUARREL = {"use": "old", "family": "Quarrel", "given": ["Imogen"], "period": {"end": "2020-07-22"}}
BRANDT = {"family": "Brandt", "given": ["Imogen"], "period": {"start": "2020-07-22"}}


def read(patient: dict[str, Any], *others: dict[str, Any], stay: dict[str, Any] | None = None) -> ChartFacts:
    who = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1966-04-12", **patient}
    return read_chart([STAY | (stay or {}), who, *others], "e", NOW)


def value(facts: ChartFacts, key: str) -> str | None:
    fact = facts.get(key)
    return fact.value if fact else None


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([QUARREL, BRANDT], "Imogen Brandt"),
        ([BRANDT, QUARREL], "Imogen Brandt"),
        ([{"use": "nickname", "text": "Immy"}, BRANDT | {"use": "official"}], "Imogen Brandt"),
        ([{"use": "maiden", "text": "Imogen Quarrel"}, {"use": "usual", "text": "Imogen Brandt"}], "Imogen Brandt"),
        ([QUARREL], "Imogen Quarrel"),
        ([{"given": [None, "Ida"], "family": "Brandt"}], "Ida Brandt"),
        ([{}, None, BRANDT], "Imogen Brandt"),
    ],
)
def test_the_name_that_holds_now_is_shown(names: list[Any], expected: str) -> None:
    assert value(read({"name": names}), "name") == expected


@pytest.mark.parametrize("odd", [{"name": 7}, {"name": [{"period": {"end": 3}, "family": "x"}]}, {"gender": ["f"]}])
def test_an_odd_element_costs_no_other(odd: dict[str, Any]) -> None:
    assert value(read(odd), "age") == "59"
    assert value(read({"birthDate": {"a": 1}}), "sex") == "female"


@pytest.mark.parametrize(
    ("born", "shown"),
    [(0, "0 days"), (1, "1 day"), (20, "20 days"), (40, "1 month"), (400, "13 months"), (1200, "3"), (-1, "0 days")],
)
def test_infants_have_an_age_in_days_and_months(born: int, shown: str) -> None:
    facts = read({"birthDate": f"{(NOW - timedelta(days=born)).date()}"})
    assert value(facts, "age") == shown
    assert facts.number("age") == pytest.approx(max(0, born) / 365.25, abs=0.3)


def test_a_birth_date_ahead_of_every_zone_is_said() -> None:
    ahead: datetime = NOW + timedelta(days=2)
    assert read({"birthDate": f"{ahead.date()}"}).left_out


def test_every_reason_of_a_stay_is_shown_also_by_reference() -> None:
    condition = {"resourceType": "Condition", "id": "c", "code": {"text": "Chest pain"}}
    stay = {
        "reasonCode": [{"text": "fall"}, {"text": "hip pain"}, {"text": "fall"}],
        "reasonReference": [{"reference": "Condition/c"}, {"reference": "Condition/away", "display": "Asthma"}],
    }
    assert value(read({}, condition, stay=stay), "complaint") == "fall; hip pain; Chest pain; Asthma"
    assert value(read({}, stay={"reasonReference": [{"reference": "Condition/away"}]}), "complaint") is None


@pytest.mark.parametrize(
    "more", [{"focus": [{"reference": "Patient/fetus"}]}, {"modifierExtension": [{"url": "urn:x"}]}]
)
def test_what_is_about_another_or_modified_is_named_and_not_used(more: dict[str, Any]) -> None:
    rate = {
        "resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/p"},
        "encounter": {"reference": "Encounter/e"}, "code": {"coding": [{"code": "8867-4"}]},
        "valueQuantity": {"value": 150, "unit": "/min"},
    }  # fmt: skip
    assert charts.has_code(rate, "8867-4") and read({}, rate).number("hr") == 150
    facts = read({}, rate | more)
    assert facts.number("hr") is None and "Observation/o" in facts.left_out[0]
