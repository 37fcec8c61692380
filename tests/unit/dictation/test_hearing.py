"""What two hearings of a dictation make a person check."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.dictation import names
from agents.dictation.hearing import better, doubts
from agents.dictation.names import hotwords
from agents.dictation.numbers import Kind, read
from contracts.transcripts import Transcript, Word
from tests.fakes.dictations import marked, spoken

SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("40", "forty"), ("45", "forty-five"), ("45", "forty five"), ("160", "one hundred and sixty"),
        ("160", "one sixty"), ("105", "one oh five"), ("160 over 95", "160/95"),
        ("one sixty over ninety five", "160/95,"),
        ("37.8", "thirty-seven point eight"), ("0.5 mg", "point five milligrams"), ("0.50", "zero point five"),
        ("5 mg", "five milligrams"), ("5mg", "5 milligram"), ("98%", "ninety eight percent"), ("7:30", "seven thirty"),
        ("1,000", "one thousand"), ("2500", "two thousand five hundred"), ("62-year-old", "sixty two year old"),
        ("35.4", "35 .4"), ("3rd", "third"), ("8 a.m.", "eight am"), ("two", "2"), ("12:00", "12:00."),
    ],
)  # fmt: skip
def test_the_same_number_in_other_words_is_no_doubt(one: str, other: str) -> None:
    assert [(i.kind, i.says) for i in read(one.split())] == [(i.kind, i.says) for i in read(other.split())]
    assert marked(f"given {one} since then", f"given {other} since then") == marked(
        f"given {one} since then", f"given {one} since then"
    )


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        ("pressure 165 over 95 now", "pressure 160 over 95 now", [("165", "160", "number")]),
        ("aspirin fifteen milligrams now", "aspirin fifty milligrams now", [("fifteen", "fifty", "number")]),
        ("aspirin 5 mg now", "aspirin 5 mcg now", [("mg", "mcg", "number")]),
        ("at 7:30 he fell", "at 7:13 he fell", [("7:30", "7:13", "number")]),
        ("aspirin two tablets daily", "aspirin tablets daily", [("two", "", "number")]),
        ("aspirin tablets daily", "aspirin two tablets daily", [("", "two", "number")]),
        ("temp 37.8 degrees", "temp 38 degrees", [("37.8", "38", "number")]),
        ("he has hydralazine at home", "he has hydroxyzine at home", [("hydralazine", "hydroxyzine", "drug name")]),
        ("temp 35 .4 now", "temp 36.4 now", [("35 .4", "36.4", "number")]),
        ("metoprolol 40", "metro 14", [("metoprolol 40", "metro 14", "number and drug name")]),
    ],
)  # fmt: skip
def test_what_differs_is_marked(first: str, second: str, what: list[tuple[str, str, str]]) -> None:
    assert marked(first, second) == what


def test_other_words_may_differ() -> None:
    assert marked("The pain began suddenly.", "the pains began, suddenly") == []


def test_a_name_in_pieces_is_the_same_name() -> None:
    assert marked("knows atorvastatin at night", "knows a torva statin at night") == []
    assert marked("knows atorvastatin at night", "knows a tour of stettin at night") == [
        ("atorvastatin", "a tour of stettin", "drug name")
    ]


def test_each_difference_is_a_mark_of_its_own() -> None:
    assert marked("pulse 90 and pressure 110 over 70", "pulse 19 and pressure 100 over 70") == [
        ("90", "19", "number"), ("110", "100", "number")
    ]  # fmt: skip


def test_the_patients_own_medication_counts_as_a_drug() -> None:
    assert marked("no more zorbimab daily", "no more sorbet daily") == []
    assert marked("no more zorbimab daily", "no more sorbet daily", "Zorbimab 20 mg tablet") == [
        ("zorbimab", "sorbet", "drug name")
    ]


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("for the milligram at night", [("the milligram", "", "number")]),
        ("asks for atorvastin daily", [("atorvastin", "", "drug name")]),
        ("asks for a torva statin daily", [("a torva statin", "", "drug name")]),
    ],
)
def test_what_can_not_be_right_is_marked_though_both_hear_it(said: str, what: list[tuple[str, str, str]]) -> None:
    assert marked(said, said) == what


def test_a_word_that_was_all_but_guessed_is_marked_beside_a_number_or_what_has_one() -> None:
    def unsure(text: str, word: str) -> list[str]:
        words = [w.model_copy(update={"probability": 0.2 if w.text == word else 0.9}) for w in spoken(text).words]
        transcript = Transcript(words=tuple(words), duration_s=60)
        return [" ".join(w.text for w in words[d.first : d.last + 1]) for d in doubts(transcript, transcript)]

    assert unsure("she lives alone in Leeds and has pulse 92 today", "pulse") == ["pulse"]
    assert unsure("she lives alone in Leeds and has pulse 92 today", "Leeds") == []
    assert unsure("92-year-old woman with a cough", "92-year-old") == ["92-year-old"], "the first word, too"


WHOLE = spoken("given aspirin 300 mg at 10:45 and her pulse is 92 today")


@pytest.mark.parametrize(
    ("first", "second", "whole_first"),
    [
        (WHOLE, spoken("given ass pirin 300 mg at 10:45 and her pulse is 92 today"), True),
        (spoken("given aspirin, Aspirin, aspirin, aspirin, aspirin and so on and on"), WHOLE, False),
        (spoken("given aspirin 300 mg"), WHOLE, False),
        (WHOLE, spoken("given aspirin 300 mg"), True),
        (WHOLE, spoken(""), True),
        (spoken("aspirin aspirin aspirin"), spoken("morphine morphine morphine"), True),
    ],
)
def test_the_note_is_of_the_hearing_that_did_not_break_off(
    first: Transcript, second: Transcript, whole_first: bool
) -> None:
    assert better(first, second) == ((first, second) if whole_first else (second, first))


def test_a_hearing_that_gives_its_last_word_the_rest_of_the_recording_broke_off_and_is_marked_there() -> None:
    last = WHOLE.words[-1]
    cut = Transcript(words=(*WHOLE.words[:-1], last.model_copy(update={"end_s": last.start_s + 9})), duration_s=60)
    assert better(cut, WHOLE) == (WHOLE, cut)
    assert [WHOLE.words[d.first].text for d in doubts(cut, cut)] == ["today"], "both broke off: somebody must listen"


def test_a_difference_at_the_very_end_or_in_nothing_is_marked() -> None:
    assert marked("", "aspirin 300") == [("", "aspirin 300", "number and drug name")]
    assert marked("aspirin", "aspirin 300 mg") == [("", "300 mg", "number")]
    assert marked("", "") == []


def test_own_medications_come_first_without_doses_and_forms() -> None:
    told = hotwords(["Metoprolol succinate 47.5 mg prolonged-release tablet", "Zorbimab", "metoprolol"])
    assert told[:2] == ("metoprolol", "zorbimab")
    assert "aspirin" in told and "tablet" not in told and len(told) <= names.MOST_HOTWORDS


@given(st.lists(st.text(max_size=400), max_size=80))
def test_hotwords_are_bounded_whatever_a_chart_holds(medications: list[str]) -> None:
    told = hotwords(medications)
    assert 0 < len(told) <= names.MOST_HOTWORDS
    assert len(", ".join(told)) <= names.HOTWORD_CHARS
    assert all(name.replace(" ", "").isalpha() for name in told)


words = st.lists(
    st.sampled_from(["forty", "40", "1,000", "one", "hundred", "oh", "point", "5mg", "160/95", "and", "atorva",
                     "statin", "aspirin.", "7:30", "-", "°", "½", "second", "3rd", "", "..."]), max_size=12
)  # fmt: skip


@given(words, words)
def test_any_two_hearings_are_compared(first: list[str], second: list[str]) -> None:
    here, there = [Transcript(words=tuple(Word(text=t, start_s=0, end_s=1) for t in w), duration_s=1)
                   for w in (first, second)]  # fmt: skip
    found = doubts(here, there)
    assert all(0 <= d.first <= len(first) and d.first - 1 <= d.last < len(first) for d in found)
    assert all(before.last < after.first for before, after in pairwise(found))
    numbers = [[i.says for i in read(w) if i.kind == Kind.NUMBER] for w in (first, second)]
    assert found or numbers[0] == numbers[1]


@given(st.integers(0, 999))
def test_a_number_is_the_same_in_words(number: int) -> None:
    assert [i.says for i in read(spelled(number).split())] == [str(number)]


def spelled(number: int) -> str:
    units, tens = [words.split() for words in (SMALL, TENS)]
    if number >= 100:
        rest = f" and {spelled(number % 100)}" if number % 100 else ""
        return f"{units[number // 100]} hundred{rest}"
    if number < 20:
        return units[number]
    return tens[number // 10 - 2] + (f"-{units[number % 10]}" if number % 10 else "")
