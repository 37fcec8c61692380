"""Whether the trainer reads and answers captured calls as their server did; on policy, nothing else may train."""

from collections.abc import Sequence

from contracts.errors import TuningError
from contracts.model_calls import ModelCall
from contracts.tuning import AgreementReport
from tuning.policy import Policy

TOLERANCE = 0.01
"""Of a log-probability: a ratio of new to old policy is then off by 1 % at most."""


def agreement(policy: Policy, calls: Sequence[ModelCall]) -> AgreementReport:
    """Recompute the closed choices. Raises TuningError where a prompt is rendered otherwise, or none can be used.

    The server's log-probabilities are taken after its grammar, so ours are renormalised over the choices.
    """
    usable = [call for call in calls if call.request.choices and call.prompt_token_ids and call.completion_token_ids]
    usable = [call for call in usable if call.logprobs]
    if not usable:
        raise TuningError("no_calls", "no call has a closed choice with token ids and log-probabilities")
    prompts = [policy.prompt(call.request) for call in usable]
    other = sum(prompt.ids != call.prompt_token_ids for prompt, call in zip(prompts, usable, strict=True))
    if other:
        raise TuningError("prompt", f"{other} of {len(usable)} captured prompts are rendered otherwise here")
    largest = 0.0
    for prompt, call, logits in zip(prompts, usable, policy.choice_logits(prompts), strict=True):
        ours = dict(
            zip(prompt.choices, (logits / (call.request.temperature or 1)).log_softmax(-1).tolist(), strict=True)
        )
        theirs = dict(zip(call.completion_token_ids or (), call.logprobs or (), strict=True))
        drawn = next((token for token in theirs if token in ours), None)
        if drawn is None:
            raise TuningError("choice", "a captured answer is none of the choices")
        largest = max(largest, abs(ours[drawn] - theirs[drawn]))
        told = {one.token.strip(): one.logprob for one in call.top_logprobs[0]} if call.top_logprobs else {}
        for choice, token in zip(call.request.choices, prompt.choices, strict=True):
            if choice in told:
                largest = max(largest, abs(ours[token] - told[choice]))
    return AgreementReport(
        calls=len(usable), left_out=len(calls) - len(usable), largest_difference=largest, tolerance=TOLERANCE
    )


def check(policy: Policy, calls: Sequence[ModelCall], *, on_policy: bool) -> None:
    """Raise TuningError for calls that this policy can't have answered; off policy only their prompts count."""
    found = agreement(policy, calls)
    if on_policy and found.largest_difference > found.tolerance:
        raise TuningError(
            "off_policy", f"log-probabilities differ by {found.largest_difference:.2g}, more than {found.tolerance}"
        )
