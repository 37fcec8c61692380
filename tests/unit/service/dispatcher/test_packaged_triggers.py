"""What the packaged configuration opens a triage for, in the shapes of HL7 v2, FHIR R4 and R5."""

import tomllib
from typing import Any

import pytest

from agents.pathway import Pathway
from service.dispatcher import rules
from service.dispatcher.triage import Judgement
from service.process.settings import DEFAULT_CONFIG, Settings, pathway_named
from tests.fakes.parts import PARTS

SETTINGS = Settings.model_validate(tomllib.loads(DEFAULT_CONFIG.read_text()) | {"state": ".", "parts": PARTS})
PATHWAYS: dict[str, Pathway] = {name: pathway_named(name, one.options) for name, one in SETTINGS.pathways.items()}
RULES = rules.compiled(SETTINGS.pathways, PATHWAYS)
R5 = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "EMER"}]}]


def judged(pathway: str, resource: dict[str, Any]) -> Judgement:
    (trigger,) = (one for one in RULES[pathway].triggers if one.resource == resource["resourceType"] and one.opens)
    assert trigger.condition is not None
    return trigger.condition(resource)


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ({"code": "EMER"}, "arrived", Judgement.MATCH),
        ({"code": "EMER"}, "triaged", Judgement.MATCH),
        ({"system": "http://terminology.hl7.org/CodeSystem/v2-0004", "code": "E"}, "in-progress", Judgement.MATCH),
        (R5, "in-progress", Judgement.MATCH),
        ([{"coding": [{"code": "AMB"}]}, *R5], "in-progress", Judgement.MATCH),
        ({"code": "AMB"}, "arrived", Judgement.NO_MATCH),
        ({"code": "EMER"}, "finished", Judgement.NO_MATCH),
        (7, "arrived", Judgement.NO_MATCH),
        (None, "arrived", Judgement.NO_MATCH),
    ],
)
def test_an_emergency_in_whatever_release_opens_a_triage(kind: Any, status: str, expected: Judgement) -> None:
    stay = {"resourceType": "Encounter", "id": "e", "status": status} | ({"class": kind} if kind else {})
    assert judged("ed_triage", stay) == expected


def test_an_odd_status_opens_nothing_and_is_no_fault() -> None:
    odd = {"resourceType": "Encounter", "id": "e", "status": ["arrived", {"x": 1}], "class": {"code": "EMER"}}
    assert judged("ed_triage", odd) == Judgement.NO_MATCH


@pytest.mark.parametrize(("value", "expected"), [(7.4, Judgement.MATCH), (4.1, Judgement.NO_MATCH)])
def test_a_result_opens_a_follow_up_where_it_is_not_known_to_be_in_order(value: float, expected: Judgement) -> None:
    result = {
        "resourceType": "Observation", "id": "o", "status": "final", "code": {"coding": [{"code": "2823-3"}]},
        "valueQuantity": {"value": value, "unit": "mmol/L"}, "referenceRange": [{"text": "3.5-5.1"}],
    }  # fmt: skip
    assert judged("result_followup", result) == expected
