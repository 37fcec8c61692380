"""Numbers that a person checks though both hearings have them."""

import pytest

from agents.dictation.numbers import read
from agents.dictation.places import suspects
from tests.unit.dictation.test_hearing import marked


def suspected(said: str) -> list[str]:
    words = said.split()
    return [" ".join(words[s.first : s.last + 1]) for s in suspects(read(words))]


@pytest.mark.parametrize(
    "said",
    [
        "62-year-old woman with chest pain since 2 hours", "blood pressure 168 over 94", "blood pressure is 95/62",
        "heart rate of 104, respiratory rate 22", "saturation 92% on room air", "temperature 37.8 degrees",
        "pain 7 out of 10",
        "metoprolol 47.5 milligrams twice a day", "aspirin 300 mg", "at 10:45 he fell", "since 1145 today", "at 8 a.m.",
        "3 times a day", "8 hourly", "potassium 3.5", "no one saw it, one of them fell", "the 3rd time", "every hour",
        "40 milligrams", "saturation 90 percent", "the last few hours", "5000 units", "2 tablets at night",
    ],
)  # fmt: skip
def test_a_number_in_its_place_is_trusted(said: str) -> None:
    assert suspected(said) == []


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("takes sertraline 9 in the morning", ["9"]),
        ("given 25 5 milligrams", ["25"]),
        ("prednisolone 5 milligrams one-staley", ["one-staley"]),
        ("takes 7.5 mm at breakfast", ["7.5 mm"]),
        ("at 9 given aspirin", ["9"]),
        ("blood pressure 98-93", ["98-93", "98-93"]),
        ("blood pressure to 11-100", ["to 11-100", "11-100"]),
        ("blood pressure 130 iron over 64", ["130 iron", "iron over 64"]),
        ("pain out of 10", ["pain out of"]),
        ("given for milligrams", ["for milligrams"]),
        ("it began eye hours ago", ["eye hours"]),
        ("metoprolol 50 mg a towerly", ["50", "a towerly"]),
        ("ramipril 5 millidramme etowel given", ["5 millidramme etowel"]),
        ("blood pressure 110 over 115", ["115"]),
        ("given ceftriaxone 2 g at 12.45 mg", ["12.45 mg"]),
        ("clonidine 0.1 milligrams a hour", ["a hour"]),
        ("headache since iron pays now", ["since iron pays"]),
        ("sell you 10 out of 5", ["10"]),
        ("the year-old man", ["the year-old"]),
    ],
)
def test_a_number_out_of_place_and_a_place_without_its_number_are_not(said: str, what: list[str]) -> None:
    assert suspected(said) == what


@pytest.mark.parametrize(
    "said", ["saturation 19 percent", "blood pressure 400 over 90", "temperature 73", "pain 70", "heart rate 900"]
)
def test_what_can_not_be_is_not(said: str) -> None:
    assert len(suspected(said)) == 1


@pytest.mark.parametrize(
    ("said", "doubtful"),
    [
        ("methotrexate 15 milligrams", True), ("methotrexate 50 milligrams", True), ("frusemide 40 milligrams", False),
        ("given 14 milligrams", True), ("insulin 40 units", True), ("since 30 minutes", True), ("at 10:50", True),
        ("at 10:45", False), ("heart rate 130", True), ("heart rate 60", False), ("respiratory rate 30", True),
        ("blood pressure 118 over 70", True), ("blood pressure 180 over 120", False), ("saturation 90 percent", False),
        ("60-year-old", True), ("90-year-old", True), ("temperature 40.1", False), ("glucose 13.2", True),
        ("haemoglobin 115", True),
    ],
)  # fmt: skip
def test_teens_and_tens_are_checked_where_both_could_be_meant(said: str, doubtful: bool) -> None:
    assert bool(suspected(said)) is doubtful


def test_they_are_marked_as_numbers() -> None:
    assert marked("methotrexate 50 milligrams", "methotrexate 50 milligrams") == [("50", "", "number")]
