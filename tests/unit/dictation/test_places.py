"""Numbers that a person checks though both hearings have them."""

import pytest

from agents.dictation.numbers import Kind
from tests.fakes.dictations import marked


def suspected(said: str) -> list[str]:
    return [words for words, _, why in marked(said, said) if Kind.NUMBER in why]


@pytest.mark.parametrize(
    "said",
    [
        "62-year-old woman with chest pain since 2 hours", "blood pressure 168 over 94", "blood pressure is 95/62",
        "heart rate of 104, respiratory rate 22", "saturation 92% on room air", "temperature 37.8 degrees",
        "blood pressure 168 over 92 lying, heart rate 96 irregular", "heart rate 96, clear chest",
        "500 ml of saline over 4 hours", "drinks 4 units of alcohol",
        "takes amlodipine. Stopped smoking", "fentanyl 40 micrograms. Plan: none",
        "glucose 22 mg per decilitre", "potassium is 3.9 mmol",
        "digoxin 62.5 micrograms", "digoxin 0.125 mg", "ceftriaxone 2 grams", "given 500 ml of saline", "weight loss",
        "blood pressure and heart rate normal", "history of high blood pressure", "temperature is normal",
        "pain 7 out of 10",
        "metoprolol 47.5 milligrams twice a day", "aspirin 300 mg", "at 10:45 he fell", "since 1145 today", "at 8 a.m.",
        "3 times a day", "8 hourly", "potassium 3.5", "no one saw it, one of them fell", "the 3rd time", "every hour",
        "40 milligrams", "saturation 90 percent", "the last few hours", "heparin 5000 units", "given 2.5 mg morphine",
        "aspirin 2 tablets at night", "given 2.5 mg of morphine", "given aspirin oral 300 mg", "gcs 14 alert",
        "takes metoprolol and aspirin", "takes metoprolol for her heart", "allergic to aspirin or ibuprofen",
        "never took aspirin", "on aspirin", "haemoglobin 87 grams per litre", "glucose 7 mmol per litre",
        "respiratory rate 22 breaths per minute", "heart rate 96 takes aspirin", "respiratory rate 22 left lung clear",
    ],
)  # fmt: skip
def test_a_number_in_its_place_is_trusted(said: str) -> None:
    assert suspected(said) == []


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("takes sertraline 9 in the morning", "9"),
        ("given 25 5 milligrams", "25 5 milligrams"),
        ("prednisolone 5 milligrams one-staley", "one-staley"),
        ("takes 7.5 mm at breakfast", "7.5 mm"),
        ("at 9 he fell", "9"),
        ("blood pressure 98-93", "98-93"),
        ("blood pressure to 11-100", "to 11-100"),
        ("blood pressure 130 iron over 64", "130 iron over 64"),
        ("pain out of 10", "pain out of"),
        ("given for milligrams", "for milligrams"),
        ("it began eye hours ago", "eye hours"),
        ("metoprolol 40 mg a towerly", "a towerly"),
        ("ramipril 5 millidramme etowel given", "5 millidramme etowel"),
        ("blood pressure 110 over 115", "110 over 115"),
        ("given ceftriaxone 2 g at 12.45 mg", "12.45 mg"),
        ("clonidine 0.1 milligrams a hour", "a hour"),
        ("headache since iron pays now", "since iron pays"),
        ("sell you 10 out of 5", "10"),
        ("the year-old man", "the year-old"),
        ("given ceftriaxone to rams at 7:12", "ceftriaxone to rams"),
        ("given heparin at 4:45", "heparin"),
        ("takes metoprolol twice a day", "metoprolol"),
        ("takes metoprolol, twice a day", "metoprolol,"),
        ("takes metoprolol 3 times a day", "metoprolol"),
        ("takes ramipril 5 mg at night, and aspirin every morning", "aspirin"),
        ("and levator 7500 mg at night", "levator 7500 mg"),
        ("given the fifth item 100 mg at night", "the fifth item 100 mg"),
        ("haemoglobin 87 drums per litre", "87 drums per litre"),
        ("haemoglobin 87 grams per mechanic", "grams per mechanic"),
        ("glucose 7 per litre", "7 per litre"),
        ("heart rate, respiratory rate 22", "heart rate,"),
        ("weight 67 pain 2 out of 10", "67"),
        ("aspirin 40 mg at height", "at height"),
        ("aspirin 40 mg twice a stale", "twice a stale"),
        ("aspirin 40 mg once stale", "once stale"),
        ("pain since days", "since days"),
        ("blood pressure 158 over 70 iron, pain 3 out of 10", "70 iron,"),
        ("blood pressure 158 over 70 for", "70 for"),
        ("for the 7-year-old man", "for the 7-year-old"),
        ("weight for the ion kilobrems", "weight for the ion"),
        ("given amiodarone 225 ml at 7:12", "225 ml"),
        ("takes amlodipine 5 micrograms daily", "5 micrograms"),
        ("takes digoxin 125 mg daily", "125 mg"),
        ("femurs in spree for the today", "for the today"),
        ("pain since 11.45 a day", "11.45 a day"),
        ("glucose 3.9 mg per litre", "3.9 mg"),
        ("potassium 3.9 mg", "3.9 mg"),
        ("weight 67 mg", "67 mg"),
        ("given aspirin 225 grams", "225 grams"),
        ("given aspirin 225 units at time for the", "at time"),
        ("weight 67 kdm", "67 kdm"),
        ("blood pressure to 90 over 60", "to 90"),
        ("given heparin for 50 units", "heparin for 50 units"),
    ],
)
def test_a_number_out_of_place_and_a_place_without_its_number_are_not(said: str, what: str) -> None:
    assert suspected(said) == [what]


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
        ("at 10:45", False), ("heart rate 130", True), ("heart rate 101", True), ("heart rate 111", True),
        ("heart rate 121", False), ("heart rate 60", False), ("respiratory rate 30", True),
        ("blood pressure 118 over 70", True), ("blood pressure 180 over 120", False), ("saturation 90 percent", False),
        ("60-year-old", True), ("90-year-old", True), ("temperature 40.1", False), ("glucose 13.2", True),
        ("haemoglobin 115", True),
    ],
)  # fmt: skip
def test_teens_and_tens_are_checked_where_both_could_be_meant(said: str, doubtful: bool) -> None:
    assert bool(suspected(said)) is doubtful


def test_they_are_marked_as_numbers() -> None:
    assert marked("methotrexate 50 milligrams", "methotrexate 50 milligrams") == [("50", "", "number")]
