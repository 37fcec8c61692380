"""Whether the trainer reads and answers captured calls as their server did; on policy, nothing else may train."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING

from contracts.errors import TuningError, TuningFault
from contracts.model_calls import ModelCall

if TYPE_CHECKING:
    from tuning.policy import Policy

TOLERANCE = 0.01
"""Of a log-probability: a ratio of new to old policy is then off by 1 % at most."""


@dataclass(frozen=True)
class Agreement:
    """How far the log-probabilities of a closed choice, recomputed here, are from the captured ones."""

    calls: int
    left_out: int
    """Calls without a closed choice, token ids or log-probabilities."""
    largest_difference: float


def agreement(policy: "Policy", calls: Sequence[ModelCall]) -> Agreement:
    """Recompute the closed choices. Raises TuningError where a prompt is rendered otherwise, or none can be used.

    The server's log-probabilities are taken after its grammar, so ours are renormalised over the choices.
    """
    usable = [call for call in calls if call.request.choices and call.prompt_token_ids and call.logprobs]
    usable = [call for call in usable if call.completion_token_ids]
    if not usable:
        raise TuningError(TuningFault.NO_CALLS, "no call has a closed choice with token ids and log-probabilities")
    prompts = [policy.prompt(call.request) for call in usable]
    other = sum(prompt.ids != call.prompt_token_ids for prompt, call in zip(prompts, usable, strict=True))
    if other:
        raise TuningError(TuningFault.PROMPT, f"{other} of {len(usable)} captured prompts are rendered otherwise here")
    largest = max(
        _difference(call, prompt.choices, told)
        for call, prompt, told in zip(usable, prompts, policy.log_probabilities(prompts), strict=True)
    )
    return Agreement(calls=len(usable), left_out=len(calls) - len(usable), largest_difference=largest)


def check(policy: "Policy", calls: Sequence[ModelCall], *, on_policy: bool) -> None:
    """Raise TuningError for calls that this policy can't have answered; off policy only their prompts count."""
    largest = agreement(policy, calls).largest_difference
    if on_policy and largest > TOLERANCE:
        raise TuningError(TuningFault.OFF_POLICY, f"log-probabilities differ by {largest:.2g}, more than {TOLERANCE}")


def _difference(call: ModelCall, tokens: Sequence[int], told: Sequence[float]) -> float:
    """Return the largest difference over the token that was drawn and those of the other choices that are known."""
    heated = [value / (call.request.temperature or 1) for value in told]
    total = log(sum(map(exp, heated)))
    ours = [value - total for value in heated]
    by_token, by_choice = dict(zip(tokens, ours, strict=True)), dict(zip(call.request.choices, ours, strict=True))
    theirs = zip(call.completion_token_ids or (), call.logprobs or (), strict=True)
    drawn = next(((by_token[token], logprob) for token, logprob in theirs if token in by_token), None)
    if drawn is None:
        raise TuningError(TuningFault.CHOICE, "a captured answer is none of the choices")
    known = (
        [(by_choice[one.token.strip()], one.logprob) for one in call.top_logprobs[0] if one.token.strip() in by_choice]
        if call.top_logprobs
        else []
    )
    return max(abs(one - other) for one, other in [drawn, *known])
