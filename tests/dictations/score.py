"""Compares what was heard with what was said."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from agents.dictation.numbers import Item, Kind, read
from contracts.dictation import Doubt
from contracts.transcripts import Transcript
from tests.dictations.texts import Dictation


@dataclass(frozen=True)
class Score:
    errors: int
    """Words that are wrong, missing or too many, numbers compared as values."""
    said: int
    drugs_heard: int
    changed: int
    """Numbers and their units that are not as said, lost or made up."""
    unmarked: tuple[str, ...]
    """Of these, what no doubt touches: what was said, and what was heard."""


def scored(dictation: Dictation, heard: Transcript, doubts: Sequence[Doubt]) -> Score:
    """Return how well it was heard, and which wrong numbers no person would be asked about."""
    said, got = read(dictation.text.split()), read([word.text for word in heard.words])
    pairs = aligned(said, got)
    wrong = [(a, b, at) for a, b, at in pairs if a is None or b is None or _key(a) != _key(b)]
    numbers = [(a, b, at) for a, b, at in wrong if _counts(a) or _counts(b)]
    unmarked = tuple(
        f"{a.says if a else '-'} > {b.says if b else '-'} at {at}" for a, b, at in numbers if not _marked(b, at, doubts)
    )
    names = Counter(item.says for item in got)
    return Score(
        errors=len(wrong),
        said=len(said),
        drugs_heard=sum(names[name] > 0 for name in dictation.drugs),
        changed=len(numbers),
        unmarked=unmarked,
    )


def aligned(said: Sequence[Item], got: Sequence[Item]) -> list[tuple[Item | None, Item | None, int]]:
    """Return the pairs of least edit distance; with each, the word of the hearing where it is, or would be."""
    costs = [[0] * (len(got) + 1) for _ in range(len(said) + 1)]
    for i in range(len(said) + 1):
        for k in range(len(got) + 1):
            if i and k:
                same = _key(said[i - 1]) == _key(got[k - 1])
                swap = costs[i - 1][k - 1] + (0 if same else 2 if said[i - 1].kind == got[k - 1].kind else 3)
                costs[i][k] = min(swap, costs[i - 1][k] + 2, costs[i][k - 1] + 2)
            else:
                costs[i][k] = 2 * (i + k)
    pairs: list[tuple[Item | None, Item | None, int]] = []
    i, k = len(said), len(got)
    while i or k:
        word = got[k].first if k < len(got) else (got[-1].last + 1 if got else 0)
        if i and k:
            same = _key(said[i - 1]) == _key(got[k - 1])
            swap = 0 if same else 2 if said[i - 1].kind == got[k - 1].kind else 3
            if costs[i][k] == costs[i - 1][k - 1] + swap:
                pairs.append((said[i - 1], got[k - 1], got[k - 1].first))
                i, k = i - 1, k - 1
                continue
        if i and costs[i][k] == costs[i - 1][k] + 2:
            pairs.append((said[i - 1], None, word))
            i -= 1
        else:
            pairs.append((None, got[k - 1], got[k - 1].first))
            k -= 1
    return pairs[::-1]


def _key(item: Item) -> tuple[Kind, str]:
    return item.kind, item.says


def _counts(item: Item | None) -> bool:
    return item is not None and item.kind in (Kind.NUMBER, Kind.UNIT)


def _marked(got: Item | None, at: int, doubts: Sequence[Doubt]) -> bool:
    """Return whether a doubt holds a word of it; of what was lost, whether one is there or right beside."""
    if got is not None:
        return any(d.first <= got.last and max(d.last, d.first) >= got.first for d in doubts)
    return any(d.first <= at and d.last >= at - 1 for d in doubts)
