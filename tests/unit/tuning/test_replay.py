"""Captured calls train on policy only where the trainer reads and answers them as their server did."""

from dataclasses import dataclass
from math import exp, log

import pytest

from contracts.errors import TuningError
from contracts.model_calls import ChatRequest, Message, ModelCall, TokenLogprob
from tests.fakes.samples import NOW
from tuning import replay

LEVELS = (0.7, 0.2, 0.1)


@dataclass(frozen=True)
class Prompt:
    ids: tuple[int, ...] = (5, 6)
    choices: tuple[int, ...] = (33, 34, 35)


class Policy:
    """Reads every prompt as the same two tokens, and knows no doubt."""

    def prompt(self, request: ChatRequest) -> Prompt:
        return Prompt()

    def log_probabilities(self, prompts: list[Prompt]) -> list[list[float]]:
        return [[log(level) for level in LEVELS] for _ in prompts]


def call(levels: tuple[float, ...] = LEVELS, temperature: float = 0.0, **changes: object) -> ModelCall:
    asked = (Message(role="user", content="which?"),)
    request = ChatRequest(step="judge", messages=asked, choices=("1", "2", "3"), max_tokens=4, temperature=temperature)
    told = tuple(TokenLogprob(token=str(at), logprob=log(level)) for at, level in enumerate(levels, 1))
    given = {
        "request": request,
        "content": "1",
        "finish_reason": "stop",
        "model": "m",
        "endpoint": "e",
        "prompt_token_ids": (5, 6),
        "completion_token_ids": (33, 2),
        "logprobs": (log(levels[0]), 0.0),
        "top_logprobs": (told, ()),
        "called_at": NOW,
        "latency_ms": 1.0,
    }
    return ModelCall.model_validate(given | changes)


def agreement(*calls: ModelCall) -> float:
    return replay.agreement(Policy(), calls).largest_difference  # pyright: ignore[reportArgumentType]


def refused(*calls: ModelCall, on_policy: bool = True) -> str:
    with pytest.raises(TuningError) as fault:
        replay.check(Policy(), calls, on_policy=on_policy)  # pyright: ignore[reportArgumentType]
    return fault.value.kind


def test_equal_log_probabilities_agree() -> None:
    assert agreement(call(), call()) == pytest.approx(0, abs=1e-12)


def test_the_largest_difference_is_found_in_any_call_and_any_choice() -> None:
    assert agreement(call(), call((0.7, 0.15, 0.15))) == pytest.approx(log(0.15 / 0.1))
    assert agreement(call((0.6, 0.2, 0.2), top_logprobs=())) == pytest.approx(log(0.7 / 0.6)), "only what was drawn"


def test_the_temperature_that_the_server_sampled_at_counts() -> None:
    heated = [level**0.5 for level in LEVELS]
    levels = tuple(level / sum(heated) for level in heated)
    assert agreement(call(levels, temperature=2.0)) == pytest.approx(0, abs=1e-12)
    assert agreement(call(levels)) > 0.1


def test_what_does_not_agree_is_refused_on_policy_and_only_there() -> None:
    apart = call((0.7 * exp(0.02), 0.2, 0.1))
    assert refused(apart) == "off_policy"
    replay.check(Policy(), [apart], on_policy=False)  # pyright: ignore[reportArgumentType]
    replay.check(Policy(), [call((0.7 * exp(0.005), 0.2, 0.1))], on_policy=True)  # pyright: ignore[reportArgumentType]


def test_a_prompt_that_is_rendered_otherwise_is_refused_always() -> None:
    assert refused(call(), call(prompt_token_ids=(5, 7)), on_policy=False) == "prompt"


def test_calls_without_a_closed_choice_or_its_token_ids_are_left_out_and_told() -> None:
    bare = call(completion_token_ids=None)
    found = replay.agreement(Policy(), [call(), bare])  # pyright: ignore[reportArgumentType]
    assert (found.calls, found.left_out) == (1, 1)
    assert refused(bare) == "no_calls"


def test_an_answer_that_is_no_choice_is_refused() -> None:
    assert refused(call(completion_token_ids=(99, 2))) == "choice"
