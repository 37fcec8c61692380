"""A number or unit that both hearings lost, or made another word of, leaves a place that a person is shown."""

import random

import pytest

from agents.dictation import numbers
from agents.dictation.hearing import doubts
from agents.dictation.numbers import Item, Kind
from tests.fakes.dictations import spoken
from tests.measure.dictations import texts

OTHER = "iron trance height stale mechanic phase eye wild lamp ready garden"
UNMISTAKABLE = {"%", "degree"}
"""Units that people leave out: a saturation and a temperature can be in no other."""


@pytest.mark.parametrize("seed", range(9000, 9030))
@pytest.mark.parametrize("punctuated", [True, False])
def test_what_both_hearings_lost_is_marked_where_it_was(seed: int, punctuated: bool) -> None:
    dice, dictation = random.Random(seed), texts.made(seed)
    words = [word if punctuated else word.rstrip(".,") for word in dictation.text.split()]
    for item in numbers.read(words):
        if not _is_lost_by_losing(item):
            continue
        for instead in ([], [dice.choice(OTHER.split())]):
            left = [*words[: item.first], *instead, *words[item.last + 1 :]]
            transcript = spoken(" ".join(left))
            found = doubts(transcript, transcript, dictation.medications)
            around = " ".join(left[max(item.first - 3, 0) : item.first + 4])
            assert any(d.first <= item.first and d.last >= item.first - 1 for d in found), f"{item.says} in: {around}"


def _is_lost_by_losing(item: Item) -> bool:
    if item.kind == Kind.UNIT:
        return item.says not in UNMISTAKABLE
    return item.kind == Kind.NUMBER and item.says[0].isdigit()
