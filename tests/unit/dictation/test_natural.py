"""Dictations as people speak them, heard without a fault: few things are left for a person to check."""

from agents.dictation.hearing import doubts
from contracts.transcripts import Transcript, Word

SPOKEN = (
    "This is a 67-year-old man who presents with central chest pain radiating to the left arm since about "
    "two hours. He is pale and sweaty. Blood pressure 148 over 92, heart rate 96 and regular, respiratory "
    "rate 18, saturations 95% on room air, temperature 36.8. Past medical history of hypertension and high "
    "cholesterol. He takes ramipril 5 mg once daily and atorvastatin 40 mg at night. Allergic to penicillin. "
    "He was given aspirin 300 mg at 10:45 by the ambulance. GTN two puffs with some relief.",
    "82-year-old woman from a nursing home, found on the floor at 6 this morning. She has pain in her right "
    "hip, which is shortened and externally rotated. Pain score 8 out of 10. GCS 15. Pulse 104, blood "
    "pressure 105/60, sats 93 on two litres. On apixaban for atrial fibrillation, last dose yesterday "
    "evening. Glucose 6.4. Given morphine 5 mg IV and paracetamol 1 g.",
    "A 4-year-old boy with fever and cough for three days. Temperature 39.2, heart rate 142, respiratory "
    "rate 36, saturation 97 percent. Weight 16 kg. Drinking well. Given paracetamol 240 mg and ibuprofen 160 "
    "mg at 14:20. Immunisations are up to date. No regular medication and no allergies.",
    "Complains of dizziness and vomiting since last night. No headache, no weakness. Takes metformin and "
    "amlodipine. Stopped simvastatin 2 weeks ago. Observations: BP 132 over 78 lying and 118 over 70 "
    "standing, pulse 72, temperature normal. ECG shows sinus rhythm. Potassium was 3.1 yesterday. Started on "
    "an infusion of sodium chloride 500 ml over 4 hours.",
    "History: fell from a ladder of about 3 metres at noon. Did not lose consciousness. Tetanus up to date. "
    "He smokes 20 cigarettes a day and drinks 4 units of alcohol a week. X-ray of the left wrist shows a "
    "fracture. Analgesia with intranasal fentanyl 50 micrograms. Plan: reduce under sedation, then review in "
    "2 hours.",
)
MOST = 7


def test_what_was_heard_well_has_few_marks() -> None:
    marks = [f"{words} ({why})" for text in SPOKEN for words, why in _marked(text)]
    assert len(marks) <= MOST, marks


def _marked(text: str) -> list[tuple[str, str]]:
    said = text.split()
    words = tuple(Word(text=w, start_s=n * 0.4, end_s=n * 0.4 + 0.3, probability=0.95) for n, w in enumerate(said))
    transcript = Transcript(words=words, duration_s=len(words) * 0.4)
    return [(" ".join(said[d.first : d.last + 1]), d.why) for d in doubts(transcript, transcript)]
