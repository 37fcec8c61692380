"""Which names a recording may hold, and where two hearings of it must be checked by a person."""

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher, get_close_matches
from functools import cache
from pathlib import Path

from agents.dictation import doses, numbers, places
from agents.dictation.numbers import Item, Kind
from agents.dictation.words import GIVEN, MEASURED, doubted, is_figure, vocabulary
from contracts.dictation import Doubt
from contracts.transcripts import Transcript, Word

DRUGS = Path(__file__).with_name("drugs.txt")
MOST_HOTWORDS, HOTWORD_CHARS, LISTED = 40, 480, 16
"""Whisper reads the names as text before the recording: 223 tokens at most, of about 2.5 letters in drug names. With
many names it goes on with their list where speech is unclear, so but a few are added to the patient's own."""
# Of what a chart calls a medication, these are no name that helps to hear it.
_NO_NAME = vocabulary(
    "tablet tablets capsule capsules oral solution injection inhaler inhalation spray cream ointment suspension sachet "
    "powder retard release extended modified prolonged film coated hydrochloride sodium potassium acid sulfate "
    "sulphate maleate tartrate succinate phosphate acetate chloride calcium magnesium besilate besylate mesilate units "
    "unit dose daily nebuliser with and for the product"
)
_CLOSE, _CLOSE_FROM = 0.84, 6
"""From which likeness, and how many letters, a word counts as a drug's name that was misheard."""
_SOUNDS_CLOSE, _SOUNDS_CLOSE_FROM, _AT_LEAST = 0.9, 7, 0.66
"""The same by consonants alone, as they sound; of all letters so many must be alike, too."""
_SOUND = str.maketrans("cqxgjzvdbm", "kkkkksftpn", "aeiouyhw")
_NO_DRUG = vocabulary("presentation resuscitation hearing continue separate separated examine protection")
"""Words that are near to a drug's name, and are none."""
_UNSURE = 0.75
"""Below this mean probability of both hearings a number is checked. A model's own are not calibrated, but those wrong
numbers that nothing else told of had 0.56 to 0.70."""
_BEGINS = 2.5
"""The first word's probability is lower, since in it lies how sure the model is to begin at all: it counts for more."""
_LONGEST_S, _MOST = 3.0, 0.7
"""No word lasts longer; and a hearing that has so much less than the other broke off somewhere."""
_GUESSED, _BESIDE = 0.3, 2
"""Below this a word is, that is so few words from a number or a drug, or from what has one."""


def hotwords(medications: Sequence[str]) -> tuple[str, ...]:
    """Return names for the model to listen for: the patient's own medications first, then those said most often."""
    kept: dict[str, None] = {}
    for name in (*(word for text in medications for word in _own(text[:200])), *_listed()[:LISTED]):
        if len(kept) == MOST_HOTWORDS or len(", ".join((*kept, name))) > HOTWORD_CHARS:
            break
        kept[name] = None
    return tuple(kept)


def better(first: Transcript, second: Transcript) -> tuple[Transcript, Transcript]:
    """Return the hearing to make a note of, and the other: the first, unless it alone broke off or went in circles."""
    if _is_broken(first, second) and not _is_broken(second, first):
        return second, first
    return first, second


def doubts(first: Transcript, second: Transcript, medications: Sequence[str] = ()) -> tuple[Doubt, ...]:
    """Return what a person must confirm in the first hearing, given the second.

    That is every number, unit or drug's name that the other hearing has otherwise or not at all; every number that is
    improbable, out of place or sounds like another; a drug without its dose and a dose without its drug; and a word
    that is nearly a drug's name but none.
    """
    here, there = read(first, medications), read(second, medications)
    found: list[Doubt] = []
    matcher = SequenceMatcher(None, [_key(i) for i in here], [_key(i) for i in there], autojunk=False)
    for what, i, j, k, n in matcher.get_opcodes():
        if what == "equal":
            found += _unsure(first, here[i:j], second, there[k:n])
            continue
        why = _why((*here[i:j], *there[k:n]))
        if why:
            start = here[i].first if i < len(here) else len(first.words)
            end = here[j - 1].last if j > i else start - 1
            heard = " ".join(w.text for w in second.words[there[k].first : there[n - 1].last + 1]) if n > k else ""
            found.append(Doubt(first=start, last=end, heard_otherwise=heard, why=why))
    return _merged((*found, *_odd(first, here, names(medications))))


def read(heard: Transcript, medications: Sequence[str] = ()) -> list[Item]:
    """Return what was heard as numbers, units, drugs' names, also those in pieces or nearly so, and other words."""
    own = frozenset(_own(" ".join(medications)))
    items = numbers.read([word.text for word in heard.words])
    found: list[Item] = []
    at = 0
    while at < len(items):
        length = next((n for n in (1, 3, 2) if _names_a_drug(items[at : at + n], n, own)), 0)
        run = items[at : at + max(length, 1)]
        name = "".join(item.says for item in run)
        found.append(Item(Kind.DRUG, name, run[0].first, run[-1].last, run[-1].ends) if length else run[0])
        at += len(run)
    return found


def names(medications: Sequence[str]) -> frozenset[str]:
    """Return every word, in lower case, that is known as a drug's name: the patient's own, and those listed."""
    return frozenset(_own(" ".join(medications))) | _words()


def _is_broken(heard: Transcript, other: Transcript) -> bool:
    said = [word.text.strip(",.").lower() for word in heard.words]
    circles = any(a == b == c for a, b, c in zip(said, said[1:], said[2:], strict=False))
    return circles or any(map(_holds_more, heard.words)) or len(read(heard)) < _MOST * len(read(other))


def _holds_more(word: Word) -> bool:
    """Return whether a word is so long that others lie in it: a model that breaks off gives the rest to its last."""
    return word.end_s - word.start_s > _LONGEST_S


def _own(medication: str) -> list[str]:
    """Return the words of a charted medication, in lower case, that may be a drug's name."""
    return [word for word in re.findall(r"[^\W\d_]{4,40}", medication.lower()) if word not in _NO_NAME]


def _odd(heard: Transcript, items: Sequence[Item], known: frozenset[str]) -> Iterable[Doubt]:
    """Yield what can't be trusted however often it is heard."""
    yield from places.suspects(items)
    yield from doses.suspects(items)
    yield from _guessed(heard, items)
    for at, word in enumerate(heard.words):
        if _holds_more(word):
            yield Doubt(first=at, last=at, heard_otherwise="", why=Kind.NUMBER)
    for n, item in enumerate(items):
        if item.kind == Kind.DRUG and (item.says not in known or item.first < item.last):
            yield doubted(items, n, n, Kind.DRUG)


def _unsure(first: Transcript, here: Sequence[Item], second: Transcript, there: Sequence[Item]) -> Iterable[Doubt]:
    """Yield the numbers that both hearings have, and were not sure of."""
    for at, (one, other) in enumerate(zip(here, there, strict=True)):
        if is_figure(here, at) and (_least(first, one) + _least(second, other)) / 2 < _UNSURE:
            yield doubted(here, at, at)


def _guessed(heard: Transcript, items: Sequence[Item]) -> Iterable[Doubt]:
    """Yield the words that the model all but guessed beside a number, a drug or what has one: they may be its part."""
    telling = [n for n, item in enumerate(items) if item.kind != Kind.WORD or item.says in MEASURED.keys() | GIVEN]
    near = {n + d for n in telling for d in range(-_BESIDE, _BESIDE + 1)}
    for n, item in enumerate(items):
        if n in near and _least(heard, item) < _GUESSED:
            yield doubted(items, n, n)


def _least(heard: Transcript, item: Item) -> float:
    """Return the probability of the least sure word."""
    told = [word.probability for word in heard.words[item.first : item.last + 1]]
    if item.first == 0 and told and told[0] is not None:
        told[0] *= _BEGINS
    return min((probability for probability in told if probability is not None), default=1.0)


def _names_a_drug(run: Sequence[Item], length: int, own: frozenset[str]) -> bool:
    """Return whether the words are one drug's name, heard in pieces where they are several."""
    if len(run) < length or any(item.kind != Kind.WORD for item in run):
        return False
    alone = any(_drug(item.says, own, True) for item in run)
    return alone if length == 1 else not alone and _drug("".join(item.says for item in run), own, False)


def _drug(name: str, own: frozenset[str], single: bool) -> bool:
    """Return whether it is a drug's name, or so near to one that it must be meant; parts are joined to be tried."""
    if name in own or name in _words():
        return True
    if len(name) < _CLOSE_FROM + (not single) * 2:
        return False
    return _near(name) or bool(get_close_matches(name, own, 1, _CLOSE))


@cache
def _near(name: str) -> bool:
    if name in _NO_DRUG:
        return False
    if get_close_matches(name, _words(), 1, _CLOSE):
        return True
    sounds = _sound(name)
    return len(name) >= _SOUNDS_CLOSE_FROM and any(
        SequenceMatcher(None, sounds, _sound(drug), autojunk=False).ratio() >= _SOUNDS_CLOSE
        and SequenceMatcher(None, name, drug, autojunk=False).ratio() >= _AT_LEAST
        for drug in _words()
    )


@cache
def _sound(name: str) -> str:
    return name.replace("ph", "f").replace("th", "t").translate(_SOUND)


def _why(items: Iterable[Item]) -> str:
    """Return which of numbers and drug names are among them, for a person; empty where neither is."""
    kinds = {Kind.NUMBER if item.kind == Kind.UNIT else item.kind for item in items}
    return " and ".join(kind for kind in (Kind.NUMBER, Kind.DRUG) if kind in kinds)


def _merged(found: Iterable[Doubt]) -> tuple[Doubt, ...]:
    """Return the doubts in the order of their words, those that share words as one."""
    kept: list[Doubt] = []
    for doubt in sorted(found, key=lambda d: (d.first, d.last)):
        before = kept[-1] if kept else None
        if before is None or doubt.first > before.last:
            kept.append(doubt)
            continue
        heard = " ".join(filter(None, (before.heard_otherwise, doubt.heard_otherwise)))
        why = " and ".join(k for k in (Kind.NUMBER, Kind.DRUG) if k in f"{before.why} {doubt.why}")
        last = max(before.last, doubt.last)
        kept[-1] = Doubt(first=before.first, last=last, heard_otherwise=heard, why=why)
    return tuple(kept)


def _key(item: Item) -> tuple[Kind, str]:
    return item.kind, item.says


@cache
def _listed() -> tuple[str, ...]:
    """Return the drug list in its order, pairs as two names."""
    lines = [line.strip() for line in DRUGS.read_text().splitlines()]
    return tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))


@cache
def _words() -> frozenset[str]:
    return frozenset(word for name in _listed() for word in name.split()) - _NO_NAME
