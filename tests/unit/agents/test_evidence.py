"""What resources say, and what of it is not so any more."""

from typing import Any

import pytest

from agents import evidence
from agents.pathway import Pathway
from service.process.settings import pathway_named
from tests.fakes.results import ENCOUNTER, result
from tests.fakes.samples import NOW

LAB: Pathway = pathway_named("result_followup", {})
PATIENT = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1960-02-03"}
K = "Observation/lab-k"
Resource = dict[str, Any]


def changed(before: list[Resource], now: list[Resource]) -> dict[str, tuple[str, str]]:
    return evidence.changed(LAB, "enc-1", [ENCOUNTER, *before], [ENCOUNTER, *now], NOW)


def test_a_new_version_that_says_the_same_is_no_change() -> None:
    again = result("k", 7.1) | {"meta": {"versionId": "9"}, "status": "amended"}
    assert changed([result("k", 7.1)], [again]) == {}


def test_a_correction_is_told_in_both_words() -> None:
    told = changed([result("k", 7.1)], [result("k", 4.2)])
    was, now = told[K]
    assert was.startswith("Potassium 7.1") and now.startswith("Potassium 4.2")


@pytest.mark.parametrize(
    "now, why",
    [
        (None, "deleted"),
        ({"status": "entered-in-error"}, "withdrawn (entered-in-error)"),
        ({"encounter": {"reference": "Encounter/other"}}, "of another stay"),
        ({"subject": {"reference": "Patient/other"}}, "of another patient"),
    ],
)
def test_what_left_the_stay_is_told_with_the_reason(now: Resource | None, why: str) -> None:
    charted = result("k", 7.1)
    told = changed([charted], [charted | now] if now else [])
    assert why in told[K][1]


def test_a_birth_date_counts_and_a_name_or_an_address_does_not() -> None:
    moved = PATIENT | {"address": [{"city": "Sevenoaks"}], "name": [{"text": "Ada"}]}
    assert changed([PATIENT], [moved]) == {}
    assert "Patient/p" in changed([PATIENT], [PATIENT | {"birthDate": "2015-02-03"}])
    unknown = {k: v for k, v in PATIENT.items() if k != "birthDate"}
    assert "Patient/p" in changed([unknown], [PATIENT]), "an age that comes is news"


def test_a_stay_that_ends_is_no_change_and_one_that_never_was_is() -> None:
    for status, expected in (("finished", set()), ("entered-in-error", {"Encounter/enc-1"})):
        found = evidence.changed(LAB, "enc-1", [ENCOUNTER], [ENCOUNTER | {"status": status}], NOW)
        assert set(found) == expected


def test_the_evidence_of_a_suggestion_is_what_its_facts_came_from_the_stay_and_the_patient() -> None:
    chart = [ENCOUNTER | {"meta": {"versionId": "2"}}, PATIENT, result("k", 7.1)]
    facts = LAB.read_chart(chart, "enc-1", NOW)
    assert evidence.behind(chart, facts) == {"Encounter/enc-1": "2", "Patient/p": "1", K: "3"}
