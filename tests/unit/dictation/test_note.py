"""From words to a note: what fixed rules understand, and that nothing of the rest is lost."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.dictation import hearing, note, vitals
from contracts.dictation import Note, NoteItem, NoteSection
from contracts.transcripts import Transcript
from tests.fakes.dictations import S_A_WORD, made, spoken, texts


def marked(found: Note) -> list[NoteItem]:
    return [item for item in found.items if item.doubt]


@pytest.mark.parametrize(
    ("said", "vital", "text"),
    [
        ("Blood pressure is 160 over 95.", "bp", "160/95"),
        ("BP 160/95 lying, pulse 80.", "bp", "160/95 lying"),
        ("blood pressure one hundred and sixty over ninety five", "bp", "160/95"),
        ("His heart rate was 110 beats per minute.", "hr", "110"),
        ("Pulse 72, regular.", "hr", "72"),
        ("Sats 94% on room air.", "spo2", "94 on room air"),
        ("Oxygen saturation of ninety four percent", "spo2", "94"),
        ("O2 sats 88 percent", "spo2", "88"),
        ("Temperature 38.2 degrees Celsius", "temp", "38.2"),
        ("temp 101.3 degrees Fahrenheit", "temp", "38.5"),
        ("respiratory rate twenty two", "rr", "22"),
        ("Pain 7 out of 10.", "pain", "7"),
        ("Pain score is 3.", "pain", "3"),
    ],
)
def test_a_vital_sign_is_found_however_it_is_said(said: str, vital: str, text: str) -> None:
    assert texts(made(said))[vital] == text


@pytest.mark.parametrize(
    "said",
    [
        "Heart rate about 110.",
        "Heart rate normal.",
        "Pain for 3 days.",
        "Chest pain 7 out of 10.",
        "Blood pressure 160.",
        "Pressure ulcer stage 2.",
    ],
)
def test_what_is_no_plain_vital_sign_stays_as_it_was_said(said: str) -> None:
    assert texts(made(said)) == {"history": said.rstrip(".")}


@pytest.mark.parametrize("said", ["Heart rate 1110.", "Blood pressure 95 over 160.", "Temperature 101.3."])
def test_a_vital_sign_that_cannot_be_is_marked_and_must_be_typed(said: str) -> None:
    (item,) = marked(made(said))
    assert (item.text, item.heard, item.doubt) == ("", said.rstrip("."), note.IMPOSSIBLE)
    assert item.must_type and item.section == NoteSection.VITALS


def test_what_is_said_around_vital_signs_and_medications_stays() -> None:
    found = made("Pale and cold, pulse 72, seen at home. Vomited twice, takes amlodipine 5 mg, lives alone.")
    told = [item.text for item in found.items if item.section == NoteSection.HISTORY]
    assert told == ["Pale and cold", "seen at home", "Vomited twice", "lives alone"]


def test_each_item_has_the_seconds_in_which_it_was_said() -> None:
    found = made("Seen at home. Blood pressure 120 over 80. Pulse 70.")
    heard = {item.key: (item.start_s, item.end_s) for item in found.items if item.text}
    assert heard["history"] == (0.0, pytest.approx(2.9 * S_A_WORD))
    assert heard["bp"] == (3 * S_A_WORD, pytest.approx(7.9 * S_A_WORD))
    assert heard["hr"] == (8 * S_A_WORD, pytest.approx(9.9 * S_A_WORD))


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("Chief complaint: headache for two days.", {"complaint": "headache for two days"}),
        ("Complaint. Headache for two days.", {"complaint": "Headache for two days"}),
        ("Presents with chest pain.", {"complaint": "chest pain"}),
        ("Forty year old man came in with a cut hand.", {"complaint": "a cut hand", "history": "Forty year old man"}),
        ("She has been here before.", {"history": "She has been here before"}),
    ],
)
def test_a_complaint_is_one_only_where_it_is_called_so(said: str, found: dict[str, str]) -> None:
    assert texts(made(said)) == found


@pytest.mark.parametrize(
    ("said", "medications", "rest"),
    [
        ("She takes metoprolol 50 milligrams daily.", ["metoprolol 50 milligrams daily"], []),
        ("On amlodipine 5 mg and ramipril 10 mg.", ["amlodipine 5 mg", "ramipril 10 mg"], []),
        ("Medications: none.", ["none"], []),
        ("Stopped aspirin 75 mg last week.", [], ["Stopped aspirin 75 mg last week"]),
        ("Allergic to penicillin.", [], ["Allergic to penicillin"]),
        ("Not on warfarin any more.", [], ["Not on warfarin any more"]),
        ("Glucose 5 mmol.", [], ["Glucose 5 mmol"]),
    ],
)
def test_medications_are_those_that_are_taken(said: str, medications: list[str], rest: list[str]) -> None:
    found = made(said)
    assert [i.text for i in found.items if i.section == NoteSection.MEDICATIONS] == medications
    assert [i.text for i in found.items if i.section == NoteSection.HISTORY] == rest


def test_a_dose_of_what_is_no_known_drug_is_marked() -> None:
    (item,) = marked(made("She takes flurbistat 50 milligrams daily."))
    assert note.UNKNOWN_DRUG in item.doubt


def test_the_other_hearing_is_offered_as_the_item_would_stand() -> None:
    found = made(
        "Blood pressure 160 over 95 lying. She takes metoprolol 50 milligrams daily.",
        "Blood pressure 150 over 95 lying. She takes metoprolol 15 milligrams daily.",
        ("metoprolol",),
    )
    assert {item.key: item.alternatives for item in marked(found)} == {
        "bp": ("150/95 lying",),
        "medications": ("metoprolol 15 milligrams daily",),
    }


def test_what_only_the_other_hearing_has_is_marked_where_it_would_stand() -> None:
    (item,) = marked(made("Seen by the nurse.", "Seen by the nurse 40 times."))
    assert item.alternatives == ("Seen by the nurse. 40 times",) or "40" in item.alternatives[0]


def test_heard_once_only_every_number_and_drug_is_marked() -> None:
    first = spoken("Fell at home. Pulse 70. She takes amlodipine 5 mg. Came at 9.")
    found = note.structure([first], [None], ())
    assert {item.text for item in marked(found)} == {"70", "amlodipine 5 mg", "Came at 9"}


@pytest.mark.parametrize("heard", [None, Transcript(words=(), duration_s=3.0)])
def test_what_nobody_heard_is_written_by_hand(heard: Transcript | None) -> None:
    found = note.structure([heard], [None], ())
    assert found.by_hand and {item.text for item in found.items} == {""}
    (item,) = marked(found)
    assert (item.key, item.doubt, item.recording) == ("history", note.UNHEARD, 0)


def test_recordings_keep_their_own_items_under_keys_of_their_own() -> None:
    pair = [spoken("Pulse 70."), spoken("Pulse 80.")]
    found = note.structure(pair, [(), ()], ())
    assert [(i.key, i.text, i.recording) for i in found.items if i.text] == [("hr", "70", 0), ("hr-2", "80", 1)]
    assert {i.key for i in found.items if i.recording is None} == {"complaint", *vitals.VITALS} - {"hr"}


TALK = (
    "blood pressure is 160 over 95, heart rate 110 pulse seventy sats 94% on room air. temperature 38.2 she takes "
    "metoprolol 50 milligrams and aspirin medications: history complaint presents with chest pain 7 out of 10 vitals. "
    "allergic to not stopped 1,000 ½ ... - kettle five"
)
SPOKEN = TALK.split()


@given(st.lists(st.sampled_from(SPOKEN), max_size=30), st.lists(st.sampled_from(SPOKEN), max_size=30))
def test_no_number_that_was_said_is_dropped_and_none_that_differs_is_unmarked(
    first: list[str], other: list[str]
) -> None:
    found = made(" ".join(first), " ".join(other))
    if not first:
        return
    said = spoken(" ".join(first))
    kept = " ".join(item.heard or item.text for item in found.items)
    for word in said.words:
        for digits in re.findall(r"\d+", word.text):
            assert digits in kept or found.by_hand, word
    assert kept.count("kettle") == first.count("kettle") or found.by_hand
    doubts = hearing.doubts(said, spoken(" ".join(other)), ())
    assert bool(doubts) <= bool(marked(found))
    keys = [item.key for item in found.items]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("vital", "typed", "numbers"),
    [
        ("bp", "160/95", (160, 95)),
        ("bp", " 160 over 95 lying", (160, 95)),
        ("bp", "160", None),
        ("bp", "95/160", None),
        ("hr", "110 regular", (110,)),
        ("hr", "110/70", None),
        ("hr", "about 110", None),
        ("hr", "1110", None),
        ("temp", "38,2", (38.2,)),
        ("temp", "101.3", None),
        ("pain", "7/10", (7,)),
        ("spo2", "94% on room air", (94,)),
        ("spo2", "", None),
    ],
)
def test_a_typed_vital_sign_is_a_number_only_where_it_can_be_one(
    vital: str, typed: str, numbers: tuple[float, ...] | None
) -> None:
    assert vitals.value(vital, typed) == numbers
