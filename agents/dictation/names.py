"""Drug names: those listed, the patient's own, those that a model listens for, and words that are near to one."""

import re
import time
from collections.abc import Collection, Sequence
from difflib import SequenceMatcher
from functools import cache, lru_cache
from pathlib import Path

from agents.dictation.words import vocabulary

DRUGS = Path(__file__).with_name("drugs.txt")
MOST_HOTWORDS, HOTWORD_CHARS, LISTED = 40, 480, 16
"""Whisper reads the names as text before the recording: 223 tokens at most, of about 2.5 letters in drug names. With
many names it goes on with their list where speech is unclear, so but a few are added to the patient's own: our
judgement."""
MATCH_S, MOST_MATCHED = 1.0, 4000
"""Limits of one comparison, by our judgement: seconds of its thread's CPU, so that a busy machine marks no more, and
candidates that are compared with all names. Beyond them a word counts as one that may be a drug's name, and a person
checks it. A recording of ten minutes has about 1,500 words."""
# Of what a chart calls a medication, these are no name that helps to hear it.
_NO_NAME = vocabulary(
    "tablet tablets capsule capsules oral solution injection inhaler inhalation spray cream ointment suspension sachet "
    "powder retard release extended modified prolonged film coated hydrochloride sodium potassium acid sulfate "
    "sulphate maleate tartrate succinate phosphate acetate chloride calcium magnesium besilate besylate mesilate units "
    "unit dose daily nebuliser with and for the product"
)
_CLOSE, _CLOSE_FROM, _CLOSE_TO = 0.84, 6, 30
"""From which likeness, and from and up to how many letters, a word counts as a drug's name that was misheard. Our
judgement: the longest listed name has 20 letters; nothing of more than 26 is that near to it."""
_SOUNDS_CLOSE, _SOUNDS_CLOSE_FROM, _AT_LEAST = 0.9, 7, 0.66
"""Our judgement: the same by consonants alone, as they sound; of all letters so many must be alike, too."""
_SOUND = str.maketrans("cqxgjzvdbm", "kkkkksftpn", "aeiouyhw")
_NO_DRUG = vocabulary("presentation resuscitation hearing continue separate separated examine protection")
"""Words that are near to a drug's name, and are none."""


def hotwords(medications: Sequence[str]) -> tuple[str, ...]:
    """Return names for the model to listen for: the patient's own medications first, then those said most often."""
    kept: dict[str, None] = {}
    for name in (*(word for text in medications for word in _own(text[:200])), *_listed()[:LISTED]):
        if len(kept) == MOST_HOTWORDS or len(", ".join((*kept, name))) > HOTWORD_CHARS:
            break
        kept[name] = None
    return tuple(kept)


def known(medications: Sequence[str]) -> frozenset[str]:
    """Return every word, in lower case, that is known as a drug's name: the patient's own, and those listed."""
    return _charted(medications) | _words()


class Matcher:
    """Finds drug names, and words near to one, among the words of one comparison; it never takes longer than a limit.

    After `seconds` of CPU, or `MOST_MATCHED` candidates, one that is no known name is put among the `unmatched`. It is
    used by one thread.
    """

    def __init__(self, medications: Sequence[str], seconds: float = MATCH_S) -> None:
        self.own = _charted(medications)
        self.known = self.own | _words()
        self.unmatched: set[str] = set()
        self._ends = time.thread_time() + seconds
        self._matched: dict[str, bool] = {}

    def is_drug(self, name: str, single: bool) -> bool:
        """Return whether it is a drug's name, or so near to one that it must be meant; parts are joined to be tried."""
        if name in self.known:
            return True
        if not _CLOSE_FROM + (not single) * 2 <= len(name) <= _CLOSE_TO:
            return False
        if name not in self._matched:
            if len(self._matched) >= MOST_MATCHED or time.thread_time() >= self._ends:
                self.unmatched.add(name)
                return False
            self._matched[name] = _near(name) or _alike(name, self.own)
        return self._matched[name]


def _own(medication: str) -> list[str]:
    """Return the words of a charted medication, in lower case, that may be a drug's name."""
    return [word for word in re.findall(r"[^\W\d_]{4,40}", medication.lower()) if word not in _NO_NAME]


def _charted(medications: Sequence[str]) -> frozenset[str]:
    return frozenset(_own(" ".join(medications)))


@lru_cache(10_000)
def _near(name: str) -> bool:
    """Return whether a word is nearly a listed name, by its letters or by its consonants."""
    if name in _NO_DRUG:
        return False
    if _alike(name, _words()):
        return True
    sound = _sound(name)
    return len(name) >= _SOUNDS_CLOSE_FROM and any(
        _likeness(sound, _sound(drug), _SOUNDS_CLOSE) and _likeness(name, drug, _AT_LEAST) for drug in _words()
    )


def _alike(name: str, names: Collection[str]) -> bool:
    return any(_likeness(drug, name, _CLOSE) for drug in names)


def _likeness(one: str, other: str, least: float) -> bool:
    """Return whether two words are that alike, by difflib's ratio; its bounds, which cost less, are asked first."""
    if 2 * min(len(one), len(other)) < least * (len(one) + len(other)):
        return False
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.quick_ratio() >= least and matcher.ratio() >= least


@lru_cache(10_000)
def _sound(name: str) -> str:
    return name.replace("ph", "f").replace("th", "t").translate(_SOUND)


@cache
def _listed() -> tuple[str, ...]:
    """Return the drug list in its order, pairs as two names."""
    lines = [line.strip() for line in DRUGS.read_text().splitlines()]
    return tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))


@cache
def _words() -> frozenset[str]:
    return frozenset(word for name in _listed() for word in name.split()) - _NO_NAME
