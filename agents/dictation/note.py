"""From what was heard to a note: fixed rules find vital signs, medications and the complaint, the rest is history.

Every word of a recording comes into exactly one item, but for the names of sections and vital signs and words that say
nothing beside them. What is not understood stays as it was said.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from agents.dictation import context, implausible, loops, names, numbers, vitals
from agents.dictation.loops import Stretch
from agents.dictation.numbers import Item, Kind
from agents.dictation.vitals import VITALS
from agents.dictation.words import DOSES, GIVEN, NOT_TAKEN, vocabulary
from contracts.dictation import Doubt, Note, NoteItem, NoteSection
from contracts.transcripts import Transcript, Word

PAUSE_S = 1.2  # our judgement: a longer silence ends a sentence that has no full stop
UNHEARD = "nobody has heard this yet: listen, and write down what was said"
UNUSABLE = "the transcript only repeats itself and can't be used: listen, and write down what was said"
REPEATS = "the transcript repeats itself here: listen, and type what was said"
ONCE = "heard once only"
UNKNOWN_DRUG = "drug name that is not known"
IMPOSSIBLE, IMPLAUSIBLE = "a value that can't be", "a value that can hardly be right"
HEADINGS = {
    tuple(words.split()): section
    for section, names in {
        NoteSection.COMPLAINT: "chief complaint, presenting complaint, main complaint, complaint",
        NoteSection.HISTORY: "history of presenting complaint, past medical history, medical history, history, "
        "examination, plan, allergies, social history",
        NoteSection.VITALS: "vital signs, vitals, observations, obs",
        NoteSection.MEDICATIONS: "current medications, regular medications, current medication, regular medication, "
        "home medications, medications, medication, meds, drug history",
    }.items()
    for words in names.split(", ")
}
PRESENTS = (
    ("present", "with"), ("presents", "with"), ("presenting", "with"), ("presented", "with"),
    ("presents", "today", "with"),
    ("comes", "in", "with"), ("came", "in", "with"), ("comes", "with"), ("complains", "of"), ("complaining", "of"),
    ("complained", "of"), ("brought", "in", "with"), ("attends", "with"),
)  # fmt: skip


LINKS = vocabulary("is are was were of include includes including")
EMPTY = vocabulary("and the a an is are was with of has have had then also so she he her his today")
"""Words that say nothing where they stand alone beside a vital sign."""
BEFORE_A_DRUG = EMPTY | GIVEN | vocabulary("patient currently regularly regular current daily include i we been")
LEADS_TO_A_DRUG = GIVEN | vocabulary("and she he")
CIRCUMSTANCES = vocabulary("on in at lying sitting standing by via after this last yesterday earlier previously")
"""Words that begin how a vital sign was measured: `on room air`."""
OF_A_DRUG = DOSES - {"mmol"} | {"unit"}


@dataclass(frozen=True)
class Part:
    """Words `first` to `last` of a recording, itself in it, as one item of the note."""

    section: NoteSection
    first: int
    last: int
    label: str
    text: str
    vital: str = ""
    measured: str = ""
    """The number of a vital sign, with which its text begins."""
    doubt: str = ""
    must_type: bool = False


def structure(
    heard: Sequence[Transcript | None],
    doubts: Sequence[tuple[Doubt, ...] | None],
    known: Sequence[str],
    circles: Sequence[tuple[Stretch, ...]] = (),
) -> Note:
    """Return the note of a chart's recordings; None stands for one that was not heard, or not compared.

    `known` are the patient's medications, `circles` the loops of each hearing; without them each is looked at alone.
    """
    items: list[NoteItem] = []
    drugs, by_hand = names.known(known), not heard
    for position, transcript in enumerate(heard):
        looped = circles[position] if circles else loops.found(transcript, None, drugs) if transcript else ()
        useless = transcript is not None and loops.unusable(transcript, looped)
        parts = parted(transcript.words, drugs, looped) if transcript and not useless else []
        if transcript is None or not parts:
            items += _unheard(position, UNUSABLE if useless else UNHEARD)
            by_hand = True
            continue
        marks = _marks(parts, doubts[position])
        items += [_item(position, transcript.words, part, marks[n], drugs) for n, part in enumerate(parts)]
    return Note(items=_ordered(items), by_hand=by_hand)


def parted(words: Sequence[Word], drugs: frozenset[str], looped: Sequence[Stretch] = ()) -> list[Part]:
    """Return the parts of what was heard, in the order in which it was said; a loop is one, to be typed."""
    found: list[Part] = []
    section, complained = NoteSection.HISTORY, False
    for first, last in _sentences(words, looped):
        if (first, last) in looped:
            found.append(Part(NoteSection.HISTORY, first, last, "History", "", doubt=REPEATS, must_type=True))
            continue
        sentence = _Sentence(words, first, last, drugs)
        heading, start = sentence.heading()
        section = heading or section
        if start > last:
            continue
        for part in sentence.parts(start, section):
            if part.section == NoteSection.COMPLAINT:
                part = part if not complained else replace(part, section=NoteSection.HISTORY, label="History")
                complained = True
            found.append(part)
        section = NoteSection.HISTORY if section == NoteSection.COMPLAINT else section
    return found


class _Sentence:
    def __init__(self, words: Sequence[Word], first: int, last: int, drugs: frozenset[str]) -> None:
        self.words, self.first, self.last, self.drugs = words, first, last, drugs
        read = numbers.read([word.text for word in words[first : last + 1]])
        self.items = [replace(item, first=item.first + first, last=item.last + first) for item in read]
        self._firsts = [item.first for item in self.items]

    def heading(self) -> tuple[NoteSection | None, int]:
        """Return the section that the sentence names, and where what it says of it begins."""
        says = tuple(item.says for item in self.items[:5])
        for name, section in HEADINGS.items():
            if says[: len(name)] == name:
                at = len(name)
                while at < len(self.items) and self.items[at].says in LINKS:
                    at += 1
                begins = self.items[at].first if at < len(self.items) else self.last + 1
                whole = section == NoteSection.HISTORY and begins <= self.last  # "allergies to nuts" says more
                return section, self.first if whole else begins
        return None, self.first

    def parts(self, start: int, section: NoteSection) -> Iterator[Part]:
        """Yield vital signs and medications, and between them what else was said."""
        special = sorted((*self._vitals(start), *self._medications(start, section)), key=lambda part: part.first)
        at = start
        for part in special:
            if part.first < at:
                continue
            nothing = BEFORE_A_DRUG if part.section == NoteSection.MEDICATIONS else EMPTY
            yield from self._rest(at, part.first - 1, section, nothing)
            yield part
            at = part.last + 1
        yield from self._rest(at, self.last, section)

    def _vitals(self, start: int) -> Iterator[Part]:
        items = [item for item in self.items if item.first >= start]
        for found in vitals.said(items):
            first, last = items[found.start].first, items[found.end - 1].last
            told = self._circumstance(items[found.end :], last)
            before = items[found.start - 1] if found.start else None
            once_more = items[found.start].says in context.NOW
            if found.vital == "pain" and before and before.says not in EMPTY and not once_more:
                continue  # "chest pain 7 out of 10" stays a sentence
            label = VITALS[found.vital].label
            text = f"{found.text} {_text(self.words, last + 1, told)}" if told else found.text
            wrong = IMPOSSIBLE if not found.possible else "" if found.plausible else IMPLAUSIBLE
            doubt = wrong or context.doubt(items, found.start, found.end, found.again)
            measured = Part(NoteSection.VITALS, first, told or last, label, text, found.vital, found.text)
            yield replace(measured, doubt=doubt, must_type=bool(wrong))

    def _circumstance(self, following: Sequence[Item], last: int) -> int:
        """Return the last word of what says how it was measured, "on room air", or 0."""
        if self.words[last].text[-1:] in ",;:" or not following or following[0].says not in CIRCUMSTANCES:
            return 0
        ends = (at for at in range(last + 1, self.last + 1) if self.words[at].text[-1:] in ",;:" or at == self.last)
        end = next(ends, 0)
        within = [item for item in following if item.last <= end]
        return 0 if any(vitals.said(within)) or any(item.says == "and" for item in within) else end

    def _medications(self, start: int, section: NoteSection) -> Iterator[Part]:
        for first, last in self._clauses(start):
            items = self._between(first, last)
            says = {item.says for item in items}
            named = next((n for n, item in enumerate(items) if self._drug(item)), None)
            dosed = any(
                before.kind == Kind.NUMBER and after.kind == Kind.UNIT and after.says in OF_A_DRUG
                for before, after in pairwise(items)
            )
            if section != NoteSection.MEDICATIONS:
                given = dosed or (named is not None and says & GIVEN)
                if not given or says & NOT_TAKEN or any(vitals.said(items)):
                    continue
            begins = named or 0
            if any(item.says not in BEFORE_A_DRUG for item in items[:begins]):
                begins = 0
            while begins < len(items) - 1 and items[begins].says in BEFORE_A_DRUG:
                begins += 1
            if begins >= len(items):
                continue
            doubt = UNKNOWN_DRUG if dosed and named is None else self._context(items[named or begins])
            text = _text(self.words, items[begins].first, last)
            yield Part(NoteSection.MEDICATIONS, items[begins].first, last, "Medication", text, doubt=doubt)

    def _context(self, drug: Item) -> str:
        """Return why a medication may not be this patient's of now; empty where it is."""
        at = self.items.index(drug)
        why = context.doubt(self.items, at, at + 1, of_drug=True)
        return "" if why == context.DENIED else why  # a drug that is denied is none

    def _clauses(self, start: int) -> Iterator[tuple[int, int]]:
        """Yield first and last word of what commas, or an `and` before another drug, divide."""
        first = start
        for at in range(start, self.last + 1):
            ends = at == self.last or self.words[at].text[-1:] in ",;:"
            joins = any(item.says in ("and", "plus") for item in self._from(at + 1, at + 1))
            if ends or (joins and self._drug_after(at + 1)):
                yield first, at
                first = at + 1

    def _drug_after(self, at: int) -> bool:
        begins = bisect_right(self._firsts, at)
        return any(self._drug(item) for item in self.items[begins : begins + 2])

    def _from(self, first: int, last: int) -> list[Item]:
        """Return the items that begin with one of these words."""
        return self.items[bisect_left(self._firsts, first) : bisect_right(self._firsts, last)]

    def _between(self, first: int, last: int) -> list[Item]:
        """Return the items that lie within these words."""
        return [item for item in self._from(first, last) if item.last <= last]

    def _drug(self, item: Item) -> bool:
        return item.kind == Kind.WORD and item.says in self.drugs

    def _rest(self, first: int, last: int, section: NoteSection, nothing: frozenset[str] = EMPTY) -> Iterator[Part]:
        """Yield what stands between, unless it says nothing; the complaint, where the sentence tells of one."""
        items = self._from(first, last)
        if all(item.says in nothing for item in items):
            return
        while nothing == BEFORE_A_DRUG and items[-1].says in LEADS_TO_A_DRUG and items[-2].last < items[-1].first:
            items.pop()
        last = items[-1].last if nothing == BEFORE_A_DRUG else last
        if section == NoteSection.COMPLAINT:
            yield Part(section, first, last, "Complaint", _text(self.words, first, last))
            return
        presents = next((n for n in range(len(items)) for cue in PRESENTS if _says(items, n, cue)), None)
        cue = next((cue for cue in PRESENTS if presents is not None and _says(items, presents, cue)), ())
        if presents is not None and presents + len(cue) < len(items):
            begins = items[presents + len(cue)].first
            before = items[:presents]
            if any(item.says not in EMPTY | {"patient", "who"} for item in before):
                yield self._history(first, before[-1].last)
            yield Part(NoteSection.COMPLAINT, begins, last, "Complaint", _text(self.words, begins, last))
            return
        yield self._history(first, last)

    def _history(self, first: int, last: int) -> Part:
        items = self._between(first, last)
        doubt = "" if all(found.possible for found in vitals.said(items)) else IMPOSSIBLE
        return Part(NoteSection.HISTORY, first, last, "History", _text(self.words, first, last), doubt=doubt)


def _says(items: Sequence[Item], at: int, phrase: tuple[str, ...]) -> bool:
    return tuple(item.says for item in items[at : at + len(phrase)]) == phrase


def _sentences(words: Sequence[Word], looped: Sequence[Stretch] = ()) -> Iterator[tuple[int, int]]:
    """Yield first and last word of each sentence; a loop is one of its own."""
    first, within = 0, {at for begins, ends in looped for at in range(begins, ends)}
    ended = {ends for _, ends in looped} | {begins - 1 for begins, _ in looped}
    for at, word in enumerate(words):
        pause = at + 1 < len(words) and words[at + 1].start_s - word.end_s >= PAUSE_S
        ends = word.text[-1:] in (".", "?", "!") or pause
        if (ends and at not in within) or at in ended or at + 1 == len(words):
            yield first, at
            first = at + 1


def _text(words: Sequence[Word], first: int, last: int) -> str:
    return " ".join(word.text for word in words[first : last + 1]).strip(" .,;:")


def _marks(parts: Sequence[Part], doubts: tuple[Doubt, ...] | None) -> list[list[Doubt]]:
    """Return the doubts of each part; one that is about no word of any stands at the nearest.

    Where nothing was compared, whatever has a number or a drug's name is doubtful.
    """
    marks: list[list[Doubt]] = [[] for _ in parts]
    if doubts is None:
        for mark, part in zip(marks, parts, strict=True):
            if part.section in (NoteSection.VITALS, NoteSection.MEDICATIONS) or any(c.isdigit() for c in part.text):
                mark.append(Doubt(first=part.first, last=part.last, heard_otherwise="", why=ONCE))
        return marks
    for doubt in doubts:
        touched = [n for n, part in enumerate(parts) if doubt.first <= part.last and doubt.last >= part.first]
        nearest = min(range(len(parts)), key=lambda n: _distance(parts[n], doubt), default=None)
        for n in touched or ([nearest] if nearest is not None else []):
            marks[n].append(doubt)
    return marks


def _distance(part: Part, doubt: Doubt) -> int:
    return max(part.first - doubt.first, doubt.first - part.last, 0)


def _item(position: int, words: Sequence[Word], part: Part, marks: Sequence[Doubt], drugs: frozenset[str]) -> NoteItem:
    unlikely = _is_implausible(words[part.first : part.last + 1], drugs)
    must_type, mark = part.must_type or unlikely, IMPLAUSIBLE if unlikely and not part.doubt else part.doubt
    why = dict.fromkeys(filter(None, (mark, *(doubt.why for doubt in marks if not must_type))))
    others = (_otherwise(words, part, doubt, drugs) for doubt in marks if doubt.heard_otherwise)
    return NoteItem(
        key=part.vital or part.section,
        section=part.section,
        label=part.label,
        text="" if must_type else part.text,
        recording=position,
        start_s=words[part.first].start_s,
        end_s=words[part.last].end_s,
        doubt=" and ".join(why),
        alternatives=tuple(dict.fromkeys(other for other in others if other and other != part.text)),
        must_type=must_type,
        heard=_text(words, part.first, part.last) if must_type else "",
    )


def _is_implausible(words: Sequence[Word], drugs: frozenset[str]) -> bool:
    read = numbers.read([word.text for word in words])
    items = [replace(i, kind=Kind.DRUG) if i.kind == Kind.WORD and i.says in drugs else i for i in read]
    return any(implausible.stretches(items))


def _otherwise(words: Sequence[Word], part: Part, doubt: Doubt, drugs: frozenset[str]) -> str:
    """Return what the part would say had the other hearing been right; empty where that is no such part.

    It is empty, too, where it can hardly be right or goes in circles: no key may put that into a note.
    """
    heard = [Word(text=text, start_s=0, end_s=0) for text in doubt.heard_otherwise.split()]
    first, last = max(doubt.first, part.first), min(doubt.last, part.last)
    other = [*words[part.first : first], *heard, *words[max(last + 1, first) : part.last + 1]]
    if _is_implausible(other, drugs) or loops.found(Transcript(words=tuple(other), duration_s=0), None, drugs):
        return ""
    if not part.vital:
        return _text(other, 0, len(other) - 1)
    items = numbers.read([word.text for word in other])
    measured = next((found for found in vitals.said(items) if found.vital == part.vital), None)
    return measured.text + part.text.removeprefix(part.measured) if measured and measured.plausible else ""


def _unheard(position: int, why: str) -> Iterator[NoteItem]:
    """Yield what a person fills in who listens to a recording that no model heard, or none so that it is of use."""
    told = NoteItem(key="history", section=NoteSection.HISTORY, label="History", text="", recording=position)
    yield told.model_copy(update={"doubt": why, "start_s": 0.0, "must_type": True})
    for vital, read in VITALS.items():
        yield told.model_copy(update={"key": vital, "section": NoteSection.VITALS, "label": read.label})
    yield told.model_copy(update={"key": "medications", "section": NoteSection.MEDICATIONS, "label": "Medications"})


def _ordered(items: Sequence[NoteItem]) -> tuple[NoteItem, ...]:
    """Return the items by section, each with a key of its own; complaint and vital signs in any case, perhaps empty."""
    complaint = NoteItem(key="complaint", section=NoteSection.COMPLAINT, label="Complaint", text="")
    given = [*items] if any(i.section == NoteSection.COMPLAINT for i in items) else [complaint, *items]
    named = {item.key for item in items}
    for vital in (vital for vital in VITALS if vital not in named):
        given.append(NoteItem(key=vital, section=NoteSection.VITALS, label=VITALS[vital].label, text=""))
    seen: dict[str, int] = {}
    kept: list[NoteItem] = []
    for section in NoteSection:
        for item in (i for i in given if i.section == section):
            again = seen[item.key] = seen.get(item.key, 0) + 1
            kept.append(item.model_copy(update={"key": f"{item.key}-{again}"}) if again > 1 else item)
    return tuple(kept)
