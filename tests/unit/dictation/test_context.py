"""Whose a dictated value is, and of when: sets of made-up sentences, with what a careful listener writes down."""

import json
from pathlib import Path

import pytest

from agents.dictation import note
from contracts.dictation import NoteSection
from contracts.transcripts import Word

# Each sentence has one vital sign or medication that is not this patient's of now; nobody may file it unseen.
OTHERS = """
His father's pulse was 40 when he collapsed.
Her mother has a blood pressure of 190 over 110.
His brother's oxygen saturation was 82 percent.
The baby's heart rate is 58.
Fetal heart rate is 140.
Foetal heart rate 155 beats per minute.
The wife's temperature was 39.2.
Her husband had a temperature of 38.9.
A friend had a pulse of 120 after the same meal.
His son has a temperature of 39.
Her sister's blood pressure is 150 over 90.
The donor's blood pressure was 100 over 60.
The passenger has a pain score of 8 out of 10.
Her grandmother's pulse is 44.
The twin has a heart rate of 165.
His partner measured a temperature of 39.4 in herself.
Another patient had a saturation of 85 percent.
His mum's heart rate is 50 on bisoprolol.
The mother takes warfarin 5 mg.
His father took warfarin 3 mg.
"""
BEFORE = """
Her temperature was 36.8 yesterday.
Heart rate of 72 at rest last week.
Blood pressure was 124 over 80 this morning.
Yesterday her pulse was 110.
Three days ago the temperature was 39.5.
Temperature was 39.5 three days ago.
His usual blood pressure is 150 over 90.
Her baseline saturation is 88 percent.
Initially the pulse was 140.
At home his temperature was 40.
The temperature was 40 at home.
In the ambulance the saturation was 84 percent.
Saturation was 84 percent in the ambulance.
Last night the heart rate was 130.
Previously her blood pressure was 200 over 100.
Pulse was 45 earlier.
Earlier pulse was 45.
Blood pressure on Monday was 170 over 95.
On Tuesday his temperature was 38.8.
A pulse of 38 last year.
Pain was 2 out of 10 overnight.
At the GP the blood pressure was 80 over 50.
Blood pressure at the clinic was 180 over 100.
Normally his heart rate is 48.
On scene the respiratory rate was 36.
At the scene his pulse was 150.
Prior saturation was 79 percent.
Her previous temperature was 35.1.
Last month the pulse was 52.
The pulse had been 160.
In March his blood pressure was 140 over 90.
Before treatment the saturation was 80 percent.
She has a history of a pulse of 30.
On arrival the pulse was 120.
At first the respiratory rate was 40.
Last Friday the temperature was 39.
During the night his saturation was 83 percent.
Pulse this afternoon was 121.
Temperature 38.7 last night.
"""
AHEAD = """
Call me if the heart rate is 130.
Keep the saturation at 94 percent.
Target saturation is 92 percent.
Aim for a blood pressure of 110 over 70.
Maintain a saturation of 90 percent.
Alert me if the temperature is 39.
The goal is a heart rate of 80.
Blood pressure should be 120 over 80.
Return if the temperature is 38.5.
Give fluids until the blood pressure is 100 over 60.
"""
DENIED = """
He has no temperature of 39.
She denies a temperature of 38.
There was never a pulse of 130.
Without a pulse of 100 we do not treat.
"""
NOW = """
Pulse is 88.
Heart rate 92.
Her blood pressure is 118 over 76.
Blood pressure 90 over 50.
Temperature 38.9.
His temperature is 37.2 degrees.
Saturation is 96 percent on room air.
Oxygen saturation 91 percent on 2 litres.
Respiratory rate is 22.
Respirations 18.
Pain is 7 out of 10.
Pain score 4 out of 10.
Now the pulse is 104.
The blood pressure is now 100 over 60.
Currently his heart rate is 76.
Today her temperature is 36.9.
Vital signs heart rate 80.
On examination the heart rate is 110.
He presents with chest pain and his pulse is 98.
She fell and her blood pressure is 140 over 80.
Patient is alert with a heart rate of 72.
He is sweating, pulse 130.
She looks pale, blood pressure 85 over 55.
No fever, temperature 36.6.
No chest pain, heart rate 84.
No shortness of breath, saturation 98 percent.
Not distressed, respiratory rate 16.
Denies chest pain, pulse 77.
He was well yesterday but now his pulse is 125.
She had a fall yesterday, but her blood pressure is 130 over 70.
Yesterday he was well; today his temperature is 39.1.
His mother called the ambulance; his pulse is 90.
His wife says his heart rate is 150.
Her daughter reports that her pulse is 44.
His mother says his temperature is 39.
Chest pain for 2 hours, heart rate 96.
Heart rate is regular at 88.
Sats 97 percent.
Blood pressure lying is 110 over 70.
Temp 38.
Resp rate 24.
Pulse rate 66.
BP 150 over 95.
After salbutamol the saturation is 95 percent.
He takes warfarin 5 mg.
She is on warfarin 3 mg.
Started warfarin 2 mg.
Heart rate is 100 and temperature 38.5.
Blood pressure 105 over 65 after fluids.
"""
AGAIN = {
    "Blood pressure was 124 over 80 this morning, now 78 over 40.": ("124/80 this morning", "78/40"),
    "Pain was 2 out of 10, now 9 out of 10.": ("2", "9"),
    "Pulse was 60 and is now 130.": ("60", "130"),
    "Temperature was 40 at home, currently 37.5.": ("40 at home", "37.5"),
    "Saturation 82 percent initially, now 95.": ("82", "95"),
}
UNSEEN = json.loads(Path(__file__).with_name("said_in_context.json").read_text())
"""Sentences of people who had not seen the rules; the rules have seen them since (docs/dictation.md has what was)."""
DRUGS = frozenset({"warfarin", "bisoprolol", "salbutamol"})


def taken(sentence: str) -> list[note.Part]:
    words = [Word(text=text, start_s=at * 0.3, end_s=at * 0.3 + 0.2) for at, text in enumerate(sentence.split())]
    parts = note.parted(words, DRUGS)
    return [part for part in parts if part.section in (NoteSection.VITALS, NoteSection.MEDICATIONS)]


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def test_the_set_is_large_enough_to_say_something() -> None:
    assert sum(len(lines(text)) for text in (OTHERS, BEFORE, AHEAD, DENIED, NOW)) + len(AGAIN) >= 100


@pytest.mark.parametrize("sentence", [line for text in (OTHERS, BEFORE, AHEAD, DENIED) for line in lines(text)])
def test_nothing_of_somebody_else_or_another_time_is_filed_unseen(sentence: str) -> None:
    assert [part for part in taken(sentence) if not part.doubt] == []


def test_most_of_what_is_of_now_is_not_marked() -> None:
    marked = [line for line in lines(NOW) for part in taken(line) if part.doubt]
    unread = [line for line in lines(NOW) if not taken(line)]
    print(f"\nof {len(lines(NOW))} sentences of now {len(set(marked))} are marked, {len(unread)} not taken")
    assert len(set(marked)) <= len(lines(NOW)) // 20 and len(unread) <= len(lines(NOW)) // 20, (marked, unread)


@pytest.mark.parametrize("sentence", AGAIN)
def test_a_value_that_is_said_again_of_now_is_taken_and_the_earlier_one_is_marked(sentence: str) -> None:
    first, again = taken(sentence)
    assert (first.text, again.text) == AGAIN[sentence]
    assert first.doubt and not again.doubt


def test_of_sentences_by_others_hardly_one_is_taken_wrongly() -> None:
    apart = [one["said"] for one in UNSEEN if one["kind"] != "now"]
    ours = [one["said"] for one in UNSEEN if one["kind"] == "now"]
    unmarked = [said for said in apart if any(not part.doubt for part in taken(said))]
    marked = [said for said in ours if any(part.doubt for part in taken(said))]
    print(f"\n{len(unmarked)} of {len(apart)} are taken unmarked, {len(marked)} of {len(ours)} of now are marked")
    assert len(unmarked) <= len(apart) // 50 and len(marked) <= len(ours) // 20, (unmarked, marked)
