"""The model's probability of each choice."""

from math import exp, inf, isclose, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.pathway import NoModel, probabilities
from contracts.errors import Fallback, ModelError
from contracts.model_calls import ChatRequest, ModelCall, TokenLogprob
from contracts.suggestions import Choice
from tests.fakes.scripted_chat import LEVELS, called

CHOICES = tuple(Choice(code=code, display=code) for code in LEVELS)
REQUEST = ChatRequest(step="judge", messages=(), max_tokens=4)
EVEN = tuple((code, -1.6) for code in LEVELS)


def answered(content: str, *rows: tuple[tuple[str, float], ...]) -> ModelCall:
    tokens = tuple(tuple(TokenLogprob(token=token, logprob=value) for token, value in row) for row in rows)
    return called(REQUEST, content).model_copy(update={"top_logprobs": tokens})


@given(st.lists(st.floats(-50, 0), min_size=5, max_size=5))
def test_probabilities_sum_to_one_and_keep_the_order_of_the_logprobs(logprobs: list[float]) -> None:
    given_ = dict(zip(LEVELS, logprobs, strict=True))
    found = probabilities(answered("1", tuple(given_.items())), CHOICES)
    assert [c.code for c in found] == list(LEVELS)
    assert isclose(sum(c.probability or 0 for c in found), 1)
    for a in found:
        for b in found:
            assert not (given_[a.code] > given_[b.code] and (a.probability or 0) < (b.probability or 0))


def test_other_tokens_take_no_part_and_spaced_ones_count_with_their_code() -> None:
    found = probabilities(answered(" 2\n", (*EVEN, (" 2", -1.6), ("The", -0.1))), CHOICES)
    by_code = {c.code: c.probability or 0 for c in found}
    assert isclose(by_code["2"], 2 * exp(-1.6) / (6 * exp(-1.6)))


def test_a_token_before_the_answer_is_passed_over() -> None:
    found = probabilities(answered("2", (("\n", -0.1), ("2", -3.0)), EVEN), CHOICES)
    assert all(isclose(c.probability or 0, 0.2) for c in found)


@pytest.mark.parametrize("content", ["", "6", "level 2", "2 or 3", "22"])
def test_an_answer_outside_the_choice_is_nonsense(content: str) -> None:
    with pytest.raises(ModelError) as refused:
        probabilities(answered(content, EVEN), CHOICES)
    assert refused.value.kind == Fallback.NONSENSE


@pytest.mark.parametrize("rows", [(), (EVEN[:4],), (EVEN[:2], EVEN[3:]), (tuple((c, -inf) for c in LEVELS),),
                                  (tuple((c, nan) for c in LEVELS),)])  # fmt: skip
def test_an_unknown_probability_is_nonsense_not_a_small_one(rows: tuple[tuple[tuple[str, float], ...], ...]) -> None:
    with pytest.raises(ModelError) as refused:
        probabilities(answered("2", *rows), CHOICES)
    assert refused.value.kind == Fallback.NONSENSE


@pytest.mark.parametrize("impossible", [1000.0, inf])
def test_a_logprob_above_zero_is_nonsense(impossible: float) -> None:
    with pytest.raises(ModelError):
        probabilities(answered("2", (*EVEN[:4], ("5", impossible))), CHOICES)


async def test_a_role_that_nobody_serves_says_so() -> None:
    with pytest.raises(ModelError) as refused:
        await NoModel().ask(REQUEST)
    assert refused.value.kind == Fallback.NOT_CONFIGURED
