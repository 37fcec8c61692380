"""Values that can hardly be right: they have no words to confirm, and a person types them."""

import pytest

from agents.dictation import note
from agents.dictation.dose_limits import DOSES, DOSES_OF
from agents.physiology import PLAUSIBLE
from contracts.dictation import NoteItem
from tests.fakes.dictations import made, spoken, texts


def typed(said: str, otherwise: str | None = None) -> list[NoteItem]:
    return [item for item in made(said, otherwise).items if item.must_type]


@pytest.mark.parametrize(
    ("said", "key", "heard"),
    [
        ("Saturation 9 percent.", "spo2", "Saturation 9 percent"),
        ("Sats 9% on room air.", "spo2", "Sats 9% on room air"),
        ("Heart rate 400.", "hr", "Heart rate 400"),
        ("Heart rate is 8.", "hr", "Heart rate is 8"),
        ("Temperature 14.", "temp", "Temperature 14"),
        ("temp 50 degrees Fahrenheit", "temp", "temp 50 degrees Fahrenheit"),
        ("Respiratory rate 3.", "rr", "Respiratory rate 3"),
        ("Respiratory rate ninety.", "rr", "Respiratory rate ninety"),
        ("Blood pressure 20 over 300.", "bp", "Blood pressure 20 over 300"),
        ("Blood pressure 300 over 80.", "bp", "Blood pressure 300 over 80"),
        ("Blood pressure 120 over 8.", "bp", "Blood pressure 120 over 8"),
        ("Pain score 70.", "pain", "Pain score 70"),
        ("Chest pain 17 out of 10.", "history", "Chest pain 17 out of 10"),
        ("A 450-year-old man.", "history", "A 450-year-old man"),
        ("A man aged 180.", "history", "A man aged 180"),
        ("GCS 50.", "history", "GCS 50"),
        ("Blood pressure 20.", "history", "Blood pressure 20"),
        ("She takes paracetamol 50 grams daily.", "medications", "paracetamol 50 grams daily"),
        ("She takes paracetamol 50,000 mg daily.", "medications", "paracetamol 50,000 mg daily"),
        ("Given insulin 1000 units.", "medications", "insulin 1000 units"),
        ("Takes digoxin 125 mg daily.", "medications", "digoxin 125 mg daily"),
        ("Takes methotrexate 150 mg weekly.", "medications", "methotrexate 150 mg weekly"),
        ("Takes metformin 500 tablets daily.", "medications", "metformin 500 tablets daily"),
    ],
)
def test_a_value_that_can_hardly_be_right_is_empty_until_it_is_typed(said: str, key: str, heard: str) -> None:
    (item,) = typed(said)
    assert (item.key, item.text, item.heard) == (key, "", heard)
    assert item.doubt in (note.IMPLAUSIBLE, note.IMPOSSIBLE)


@pytest.mark.parametrize(
    "said",
    [
        "Saturation 84 percent.", "Heart rate 220.", "Temperature 31.", "temp 101.3 degrees Fahrenheit",
        "Respiratory rate 60.", "Blood pressure 230 over 130.", "Pain 10 out of 10.", "A 101-year-old woman.", "GCS 3.",
        "Takes digoxin 125 micrograms daily.", "Given piperacillin 4 g.", "Given heparin 5000 units.",
        "Given insulin 40 units.", "Takes methotrexate 15 mg weekly.", "Aspirin 300 mg and digoxin 125 micrograms.",
        "Prednisolone 8 tablets.", "Weighs 3200 grams.", "Haemoglobin 87 grams per litre.", "Glucose 180 mg per dl.",
        "Creatinine 1.2 today.", "Infusion at a rate of 500 ml.", "Vomited 2 over 3 days.", "Pressure ulcer stage 2.",
        "Saline 1000 ml over 4 hours.",
    ],
)  # fmt: skip
def test_what_people_have_and_take_need_not_be_typed(said: str) -> None:
    assert typed(said) == []


def test_heard_once_only_it_must_be_typed_all_the_same() -> None:
    found = note.structure([spoken("Saturation 9 percent. Pulse 70.")], [None], ())
    assert [(i.key, i.must_type) for i in found.items if i.doubt] == [("spo2", True), ("hr", False)]


def test_the_other_hearing_is_no_button_where_it_can_hardly_be_right() -> None:
    found = made("Saturation 94 percent.", "Saturation 9 percent.")
    (item,) = [item for item in found.items if item.doubt]
    assert (item.text, item.must_type, item.alternatives) == ("94", False, ())
    (item,) = typed("Saturation 9 percent.", "Saturation 94 percent.")
    assert (item.text, item.alternatives) == ("", ("94",)), "to be read beside the field"


def test_each_number_of_the_tables_has_its_source_or_its_reason() -> None:
    for ranged in (*PLAUSIBLE.values(), *DOSES.values(), *DOSES_OF.values()):
        assert ranged.low < ranged.high and len(ranged.why) > 15


def test_what_is_said_beside_it_is_kept() -> None:
    found = texts(made("Seen at home, saturation 9 percent, pulse 72."))
    assert found == {"history": "Seen at home", "hr": "72"}
