"""The graph without Temporal: floors, fallbacks, claims, and what the model is told."""

import asyncio
import hashlib
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agents import level_graph
from agents.claims import borne_out
from agents.ed_triage import graph, resources, rules
from agents.pathway import ChatPort, NoModel
from contracts.charts import ChartFacts
from contracts.ed_triage import EdTriageOptions
from contracts.errors import Fallback, ModelError
from contracts.model_calls import ChatRequest, ModelCall
from contracts.suggestions import Claim, MadeBy, Suggestion, Support
from tests.fakes.samples import CALM, ESI, NAME, NOW, facts
from tests.fakes.scripted_chat import LEVELS, ScriptedChat, favouring, reasons

OPTIONS = EdTriageOptions()
CHART = facts(name=NAME, age=54, sex="male", complaint="chest pain, sweating", pain_nrs=3, **CALM | {"hr": 112})
FLOORS = {None: CALM, "3": CALM | {"rr": 21}, "2": CALM | {"avpu": "verbal"}, "1": CALM | {"avpu": "unresponsive"}}


async def suggest(chart: ChartFacts, port: ChatPort) -> Suggestion:
    return (await graph.build(ESI, OPTIONS, port).ainvoke({"facts": chart}))["suggestion"]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("floor", FLOORS)
async def test_the_models_level_is_raised_to_the_floor_and_never_lowered(floor: str | None, level: str) -> None:
    made = await suggest(facts(**FLOORS[floor]), ScriptedChat(favouring(level)))
    assert made.floor == floor
    assert made.selected == (min(level, floor) if floor else level)
    assert (made.made_by, made.fallback, made.model) == (MadeBy.MODEL, None, "scripted@1")


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "avpu": st.sampled_from(["alert", "verbal", "pain", "unresponsive", "confusion"]),
            "age": st.integers(0, 100),
            "hr": st.integers(20, 220),
            "rr": st.integers(4, 50),
            "spo2": st.integers(60, 100),
            "sbp": st.integers(50, 250),
        },
    ),
    st.lists(st.floats(0.01, 1), min_size=5, max_size=5),
)
def test_whatever_the_vitals_and_the_model_nothing_is_less_urgent_than_rules_or_model(
    vitals: dict[str, Any], weights: list[float]
) -> None:
    chart, told = facts(**vitals), dict(zip(LEVELS, weights, strict=True))
    made = asyncio.run(suggest(chart, ScriptedChat(told)))
    likeliest = max(made.choices, key=lambda c: c.probability or 0).code
    assert made.selected in (likeliest, level_graph.floor(rules.findings(chart)))
    assert made.selected <= likeliest
    assert made.floor is None or made.selected <= made.floor


@pytest.mark.parametrize("kind", Fallback)
async def test_without_a_model_the_suggestion_is_by_rules_and_says_why(kind: Fallback) -> None:
    made = await suggest(facts(**FLOORS["2"]), ScriptedChat(ModelError(kind)))
    assert (made.made_by, made.fallback, made.support) == (MadeBy.RULES, kind, Support.RULES_ONLY)
    assert (made.selected, made.model, made.claims) == ("2", None, ())
    assert all(choice.probability is None for choice in made.choices)


async def test_without_model_and_floor_no_level_is_proposed() -> None:
    made = await suggest(facts(complaint="cough"), NoModel())
    assert (made.selected, made.floor, made.support) == (None, None, Support.RULES_ONLY)
    assert not made.approvable
    assert len(made.missing) == len(rules.WANTED)


@pytest.mark.parametrize("answer", ["", "9", "level 2", "1 2"])
async def test_an_answer_outside_the_choice_falls_back_to_rules(answer: str) -> None:
    chat = ScriptedChat(favouring("1"), answer=answer)
    made = await suggest(CHART, chat)
    assert (made.made_by, made.fallback) == (MadeBy.RULES, Fallback.NONSENSE)
    assert [request.step for request in chat.asked] == ["judge"]


async def test_a_missing_probability_falls_back_to_rules() -> None:
    made = await suggest(CHART, ScriptedChat({"1": 0.9, "2": 0.1}))
    assert (made.made_by, made.fallback) == (MadeBy.RULES, Fallback.NONSENSE)


@pytest.mark.parametrize(
    ("probability", "support"),
    [(0.9, Support.STRONG), (0.6, Support.STRONG), (0.5, Support.MODERATE), (0.4, Support.MODERATE),
     (0.39, Support.UNCERTAIN)],
)  # fmt: skip
async def test_support_is_said_in_words(probability: float, support: Support) -> None:
    made = await suggest(facts(**CALM), ScriptedChat(favouring("4", probability + 1e-9)))
    assert made.support == support


class Measured(ScriptedChat):
    """One whose calls say where it was measured."""

    def __init__(self, level: str, probability: float, measured_on: tuple[str, ...] | None) -> None:
        super().__init__(favouring(level, probability))
        self._measured_on = measured_on

    async def ask(self, request: ChatRequest) -> ModelCall:
        return (await super().ask(request)).model_copy(update={"measured_on": self._measured_on})


@pytest.mark.parametrize(
    ("measured_on", "support", "approvable"),
    [
        ((), Support.UNCERTAIN, False),
        (("result_followup",), Support.UNCERTAIN, False),
        (("result_followup", "ed_triage"), Support.STRONG, True),
        (None, Support.STRONG, True),  # a record of before this was kept
    ],
)
async def test_a_model_that_was_never_measured_on_the_pathway_is_unsure_and_is_not_approved(
    measured_on: tuple[str, ...] | None, support: Support, approvable: bool
) -> None:
    made = await suggest(facts(**CALM), Measured("2", 0.99, measured_on))
    assert (made.selected, made.support, made.approvable, made.measured) == ("2", support, approvable, approvable)
    rules_too = await suggest(facts(**FLOORS["2"]), Measured("4", 0.99, measured_on))
    assert (rules_too.selected, rules_too.support, rules_too.approvable) == ("2", Support.UNCERTAIN, True)


def test_a_suggestion_of_before_models_were_measured_keeps_its_hash() -> None:
    made = asyncio.run(suggest(facts(**CALM), ScriptedChat(favouring("2"))))
    before = made.model_dump_json(exclude={"measured", "earlier"})
    assert Suggestion.model_validate_json(before).sha256() == hashlib.sha256(before.encode()).hexdigest()


async def test_a_level_raised_by_the_floor_has_the_support_of_that_level() -> None:
    made = await suggest(facts(**FLOORS["1"]), ScriptedChat(favouring("5", 0.99)))
    assert (made.selected, made.support) == ("1", Support.UNCERTAIN)


@pytest.mark.parametrize(
    "told",
    [ModelError(Fallback.TOO_SLOW), "no JSON", "[]", "{}", '{"reasons": null}', '{"reasons": [{"text": "x"}]}',
     '{"reasons": [{"text": "x", "cites": "hr"}]}', '{"reasons": ["hr"]}', "[" * 100_000],
    ids=range(9),
)  # fmt: skip
async def test_a_level_without_readable_reasons_is_still_the_models(told: str | ModelError) -> None:
    made = await suggest(CHART, ScriptedChat(favouring("2"), told))
    assert (made.selected, made.made_by, made.claims, made.dropped_claims) == ("2", MadeBy.MODEL, (), 1)


BORNE_OUT = [
    ("HR 112 is fast", ("hr",)),
    ("Chest pain with sweating", ("complaint",)),
    ("At 54, chest pain", ("age", "complaint")),
]
NOT_BORNE_OUT = [
    ("Lactate is high", ("lactate",)),
    ("HR 112 is fast", ("hr", "lactate")),
    ("HR 112 is fast", ()),
    ("HR 130 is fast", ("hr",)),
    ("HR 112 and SpO2 91", ("hr", "spo2")),
    (f"{NAME} has chest pain", ("name",)),
    ("Zebedee has HR 112", ("name", "hr")),
    ("Chest pain", ("complaint", "hr")),  # nothing of the HR is said
    ("HR 112, age 54", ("hr",)),  # 54 stands in no cited fact
    ("Looks unwell", ("complaint",)),
]


@pytest.mark.parametrize(("text", "cites"), BORNE_OUT)
def test_a_claim_that_the_chart_bears_out_is_shown(text: str, cites: tuple[str, ...]) -> None:
    assert borne_out(Claim(text=text, cites=cites), CHART)


@pytest.mark.parametrize(("text", "cites"), NOT_BORNE_OUT)
def test_a_claim_that_the_chart_does_not_bear_out_is_not(text: str, cites: tuple[str, ...]) -> None:
    assert not borne_out(Claim(text=text, cites=cites), CHART)


@pytest.mark.parametrize(("text", "cites"), [("HR high, HR130", ("hr",)), ("Pain 10 of 10", ("pain_nrs",))])
def test_a_wrong_number_is_found_in_whatever_way_it_is_written(text: str, cites: tuple[str, ...]) -> None:
    assert not borne_out(Claim(text=text, cites=cites), CHART)


@pytest.mark.parametrize(
    ("text", "cites"), [("SpO2 98 is normal", ("spo2",)), ("Pain 3/10", ("pain_nrs",)), ("Pain 3 of 10", ("pain_nrs",))]
)
def test_the_digits_of_a_label_or_a_scale_are_no_values(text: str, cites: tuple[str, ...]) -> None:
    assert borne_out(Claim(text=text, cites=cites), CHART)


async def test_dropped_claims_are_counted_and_repeated_ones_are_not() -> None:
    told = reasons(*BORNE_OUT[:2], BORNE_OUT[0], *NOT_BORNE_OUT)
    made = await suggest(CHART, ScriptedChat(favouring("2"), told))
    assert [claim.text for claim in made.claims] == [text for text, _ in BORNE_OUT[:2]]
    assert made.dropped_claims == len(NOT_BORNE_OUT)


@example("Zebedee", "Quillfeather")
@given(st.from_regex(r"[A-Z][a-zéß]{4,12}", fullmatch=True).map("Qx".__add__), st.text("xyzäß'- ", min_size=6))
def test_the_patients_name_stands_in_no_prompt(given_name: str, family: str) -> None:
    encounter = {"resourceType": "Encounter", "id": "e", "subject": {"reference": "Patient/p"}}
    patient = {"resourceType": "Patient", "id": "p", "name": [{"given": [given_name], "family": family}]}
    complaint = {"reasonCode": [{"text": "chest pain"}]}
    chart = resources.read_chart([encounter | complaint, patient], "e", NOW)
    assert chart.get("name")
    chat = ScriptedChat(favouring("2"))
    asyncio.run(suggest(chart, chat))
    assert [request.step for request in chat.asked] == ["judge", "explain"]
    prompts = " ".join(request.model_dump_json() for request in chat.asked)
    assert "chest pain" in prompts
    assert given_name not in prompts
    assert family not in prompts
    assert '"name\\"' not in prompts


async def test_the_same_facts_and_answers_give_the_same_suggestion() -> None:
    told = reasons(*BORNE_OUT)
    first, second = [await suggest(CHART, ScriptedChat(favouring("2"), told)) for _ in range(2)]
    assert first.sha256() == second.sha256()
