"""Synthetic arrivals are the same for a seed; recorded ones keep their distances."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given
from hypothesis import strategies as st

from agents import level_graph
from agents.result_followup import flagged, rules
from contracts.errors import ConfigurationError
from service.synthetic import arrivals
from tests.fakes.results import PATHWAY
from tests.fakes.samples import NOW


def bodies(arrival: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry["resource"] for bundle in arrival for entry in bundle["entry"]]


def test_a_seed_gives_the_same_arrivals_and_another_seed_others() -> None:
    assert list(arrivals.synthetic(7, 50)) == list(arrivals.synthetic(7, 50)) != list(arrivals.synthetic(8, 50))
    assert list(arrivals.synthetic(7, 50))[:20] == list(arrivals.synthetic(7, 20))


def test_every_synthetic_resource_is_valid_fhir_of_one_encounter() -> None:
    for arrival in arrivals.synthetic(1, 40):
        encounter = arrivals.encounter_of(arrival[0])
        assert encounter
        for body in bodies(arrival):
            get_fhir_model_class(body["resourceType"]).model_validate(body)
            if body["resourceType"] == "Observation":
                assert body["encounter"] == {"reference": f"Encounter/{encounter}"}


def test_some_arrivals_are_told_twice_some_late_and_some_changed() -> None:
    told = [a for a in arrivals.synthetic(3, 200) if len(a) == 2]
    twice = [a for a in told if a[0] == a[1]]
    late = [a for a in told if len(a[0]["entry"]) == 3]
    changed = [a for a in told if a not in twice and a not in late]
    assert twice and late and changed


def test_one_in_four_brings_results_that_the_follow_up_reads_or_shows() -> None:
    told = list(arrivals.synthetic(3, 40))
    results = [[b for b in bodies(a) if "category" in b] for a in told]
    assert [bool(found) for found in results] == [number % 4 == 3 for number in range(40)]
    facts = [PATHWAY.read_chart(bodies(a), arrivals.encounter_of(a[0]) or "", NOW) for a in told]
    floors = {level_graph.floor(rules.findings(read)) for read, found in zip(facts, results, strict=True) if found}
    assert floors >= {rules.ACT_NOW, rules.TODAY}
    assert any(fact.key.startswith(flagged.KEY) for read in facts for fact in read.facts)


@given(st.timedeltas(timedelta(days=-9000), timedelta(days=9000)).map(lambda by: NOW + by))
def test_shifting_brings_the_start_to_now_and_keeps_every_distance(now: datetime) -> None:
    (arrival,) = arrivals.synthetic(5, 1)
    text = json.dumps(arrival)
    arrival = json.loads(text.replace("valueString", "note").replace("T08:00:00+00:00", "T08:00:00.250Z", 1))
    moved = arrivals.shifted(arrival, now)

    def moments(of: list[dict[str, Any]]) -> Iterator[datetime]:
        found = chain.from_iterable((b.get("effectiveDateTime"), b.get("period", {}).get("start")) for b in bodies(of))
        return (datetime.fromisoformat(m.replace("Z", "+00:00")) for m in found if m)

    start = datetime.fromisoformat(
        next(b for b in bodies(moved) if b["resourceType"] == "Encounter")["period"]["start"]
    )
    assert abs(start - now) < timedelta(seconds=1)
    by = start - next(moments(arrival))
    for before, after in zip(moments(arrival), moments(moved), strict=True):
        assert abs(after - before - by) < timedelta(seconds=1)
    births = [[b["birthDate"] for b in bodies(a) if b["resourceType"] == "Patient"] for a in (arrival, moved)]
    assert births[0] == births[1]


def test_shifting_leaves_the_recording_as_it_was() -> None:
    (arrival,) = arrivals.synthetic(5, 1)
    before = json.dumps(arrival)
    arrivals.shifted(arrival, NOW)
    assert json.dumps(arrival) == before


def test_a_recording_is_read_line_by_line() -> None:
    lines = [json.dumps(bundle) for (bundle, *_) in arrivals.synthetic(2, 3)]
    assert [json.dumps(b) for (b,) in arrivals.recorded(iter([*lines, "", "  \n"]))] == lines


def test_what_has_no_encounter_is_refused_in_words() -> None:
    with pytest.raises(ConfigurationError, match="Encounter"):
        arrivals.shifted([{"resourceType": "Bundle", "entry": []}], NOW)
