"""Where a hearing goes in circles: words that nobody said, made by a model of silence, noise and its list of names.

A loop is one of these stretches of words, in lower case and without punctuation:

- a phrase of 2 to 20 words, three times or more in succession, with a part of it that follows;
- a word four times or more in succession, or a drug's name three times;
- four drug names or more with nothing but `and` between, one of them again;
- the same without a name again, where the other hearing has less than half as many words in that place: names that the
  model was given to listen for, and recites.

What people repeat in speech is shorter: `no, no`, `very, very, very`, `no pain, no pain`.
"""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from contracts.transcripts import Transcript

Stretch = tuple[int, int]
"""Index of the first and the last word, the last itself in it."""
# Those of the docstring above; our judgement: what people repeat is shorter, what models repeat goes on
MOST_PHRASE, TIMES, WORD_TIMES, NAME_TIMES, NAMES = 20, 3, 4, 3, 4
UNUSABLE_FROM = 0.5
"""From this share of its words in loops a hearing is not used at all; our judgement: the rest is no better."""
_JOINS = ("and",)
_MOST_PAIRS = 6_250_000  # our judgement of what comparing may cost: 2,500 words by as many


def found(heard: Transcript, other: Transcript | None, names: frozenset[str]) -> tuple[Stretch, ...]:
    """Return the loops of a hearing in their order, none sharing a word; `names` are those of drugs.

    With the other hearing, if there is one, also the names that are recited.
    """
    said = _plain(heard)
    stretches = [*_repeated(said, names), *_names_again(said, names)]
    if other:
        stretches += _recited(said, _plain(other), names)
    return _merged([(said[first][0], said[last][0]) for first, last in stretches])


def unusable(heard: Transcript, loops: Sequence[Stretch]) -> bool:
    """Return whether so much of a hearing is loops that nothing of it may be used."""
    lost = sum(last - first + 1 for first, last in loops)
    return bool(loops) and lost >= UNUSABLE_FROM * len(heard.words)


def _plain(heard: Transcript) -> list[tuple[int, str]]:
    """Return index and letters of each word that has any."""
    words = ((at, re.sub(r"[^\w%]", "", word.text.lower())) for at, word in enumerate(heard.words))
    return [(at, word) for at, word in words if word]


def _repeated(said: Sequence[tuple[int, str]], names: frozenset[str]) -> Iterator[Stretch]:
    """Yield the stretches in which each word is the one that stood so many words before, often enough."""
    for length in range(1, MOST_PHRASE + 1):
        same = 0
        for at in range(length, len(said) + 1):
            if at < len(said) and said[at][1] == said[at - length][1]:
                same += 1
                continue
            times = TIMES if length > 1 else NAME_TIMES if said[at - 1][1] in names else WORD_TIMES
            if same >= (times - 1) * length:
                yield at - same - length, at - 1
            same = 0


def _runs(said: Sequence[tuple[int, str]], names: frozenset[str]) -> Iterator[Stretch]:
    """Yield where drug names follow one another, NAMES of them or more."""
    at = 0
    while at < len(said):
        first, last, count = at, at, 0
        while at < len(said) and (said[at][1] in names or (count and said[at][1] in _JOINS)):
            last, count = (at, count + 1) if said[at][1] in names else (last, count)
            at += 1
        if count >= NAMES:
            yield first, last
        at += 1


def _names_again(said: Sequence[tuple[int, str]], names: frozenset[str]) -> Iterator[Stretch]:
    for first, last in _runs(said, names):
        listed = [word for _, word in said[first : last + 1] if word in names]
        if len(set(listed)) < len(listed):
            yield first, last


def _recited(
    said: Sequence[tuple[int, str]], other: Sequence[tuple[int, str]], names: frozenset[str]
) -> Iterator[Stretch]:
    """Yield the lists of names in whose place the other hearing has less than half as many words."""
    runs = list(_runs(said, names))
    if not runs or len(said) * len(other) > _MOST_PAIRS:
        return
    one, two = [word for _, word in said], [word for _, word in other]
    blocks = SequenceMatcher(None, one, two, autojunk=False).get_matching_blocks()
    for first, last in runs:
        begins = max((b.b + b.size for b in blocks if b.a + b.size <= first), default=0)
        ends = min((b.b for b in blocks if b.a > last), default=len(two))
        if 2 * (ends - begins) < last - first + 1:
            yield first, last


def _merged(stretches: Sequence[Stretch]) -> tuple[Stretch, ...]:
    kept: list[Stretch] = []
    for first, last in sorted(stretches):
        if kept and first <= kept[-1][1]:
            kept[-1] = kept[-1][0], max(kept[-1][1], last)
        else:
            kept.append((first, last))
    return tuple(kept)
