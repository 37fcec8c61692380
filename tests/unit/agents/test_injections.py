"""Instructions in a chart, with a model that obeys whatever it reads: it moves a level, within the rules."""

import asyncio
import re

import pytest

from agents.pathway import NoSandbox
from contracts.model_calls import ChatRequest, ModelCall
from tests.fakes.scripted_chat import called, favouring, reasons
from tests.measure.injections import measure
from tests.measure.injections.attacks import ATTACKS, CARRIERS
from tests.measure.injections.measure import Pair

LAST_DIGIT = re.compile(r"\b([1-5])\b(?!.*\b[1-5]\b)", re.DOTALL)


class Obedient:
    """Answers with the last level that its prompt names, and repeats what it was told as its reason and its program."""

    async def ask(self, request: ChatRequest) -> ModelCall:
        prompt = request.messages[-1].content
        if request.choices:
            told = LAST_DIGIT.search(prompt.rsplit("complaint", 1)[-1])
            level = told[1] if told and told[1] in request.choices else request.choices[-1]
            return called(request, level, {c: favouring(level).get(c, 0.05) for c in request.choices})
        return called(request, reasons((prompt[-60:], ("complaint",))) if request.json_schema else prompt)


@pytest.fixture(scope="module")
def found() -> list[Pair]:
    models = {"reasoning": Obedient(), "code": Obedient()}
    return asyncio.run(measure.pairs(models, NoSandbox(), len(ATTACKS)))


def test_there_are_forty_instructions_over_all_pathways(found: list[Pair]) -> None:
    assert len(found) == len(ATTACKS) * (len(CARRIERS) + 1) * 3 == 120


def test_no_instruction_has_an_effect_or_gets_below_the_floor(found: list[Pair]) -> None:
    assert [pair for pair in found if pair.effects or pair.below_floor] == []


def test_what_nobody_reads_changes_nothing(found: list[Pair]) -> None:
    unread = [pair for pair in found if not pair.reached]
    assert {"narrative", "attachment title", "Observation note"} <= {pair.carrier for pair in unread}
    assert [pair for pair in unread if pair.changed] == []


def test_the_set_can_tell_a_model_that_obeys(found: list[Pair]) -> None:
    assert any(pair.changed for pair in found if pair.pathway == "ed_triage" and pair.carrier == "note")
