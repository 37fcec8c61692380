"""How awake somebody is, in the words and codes of charts; what is not understood is never taken for alert."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.ed_triage import responsiveness

WORDS = {
    "alert": (
        "Alert", "A", "A - Alert", "Mentally alert (finding)", "Alert and oriented x3", "alert, oriented x4",
        "Awake and alert", "AOx3",
        "248234008", "LA9340-6", "GCS 15", "A & O x 4",
        "Alert and oriented times 3", "pt alert", "alert, calm", "AVPU: A", "oriented x3",
        "alert and oriented to person, place and time",
    ),
    "confused": (
        "New onset of agitation and confusion", "Agitated or confused", "Acute confusion", "C - new confusion",
        "disoriented", "alert but confused", "oriented x1", "delirious", "130987000", "LA6560-2",
        "A - not oriented", "altered mental status",
    ),
    "verbal": ("Drowsy", "V", "responds to voice", "wakes to verbal stimuli", "lethargic", "somnolent", "300202002",
        "A/V", "difficult to rouse", "A=eyes open to name only"),
    "pain": (
        "P - Pain", "Responds to pain", "responsive to painful stimuli only", "Stuporous", "withdraws from pain",
        "450847001", "moans to pain", "semiconscious", "A/P", "AVPU: P", "P (pain)",
    ),
    "unresponsive": (
        "Comatose", "Unconscious", "Does not respond", "U - Unresponsive", "unrousable", "no response", "422768004",
        "371632003", "un-responsive", "A - U", "AVPU: U", "Not alert, unresponsive", "was alert, now unresponsive",
        "not breathing, unresponsive",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("words", "level"), [(words, level) for level, told in WORDS.items() for words in told])
def test_words_and_codes_are_understood(words: str, level: str) -> None:
    assert responsiveness.level([words]) == level


@pytest.mark.parametrize(
    "words",
    [
        "not alert", "less alert", "alert, in pain", "was unresponsive, now alert", "not unresponsive", "barely awake",
        "x", "alert?", "see note", "oriented", "", "A: GCS 9", "A - slow to respond", "A - ?", "A - no", "A - unknown",
        "alert and oriented to person", "Alert to person", "Awake to event", "conscious", "awake",
    ],
)  # fmt: skip
def test_what_is_in_doubt_is_not_alert(words: str) -> None:
    assert responsiveness.level([words]) is None


def test_of_a_text_and_a_code_the_deeper_counts() -> None:
    assert responsiveness.level(["Alert"], ["422768004"]) == "unresponsive"
    assert responsiveness.level(["as charted by the crew"], ["450847001"]) == "pain"
    assert responsiveness.level(["Alert"], ["local-1"]) == responsiveness.level([], ["248234008"]) == "alert"


@pytest.mark.parametrize(
    "texts", [["Alert", "not sure"], ["alert", "GCS 9"], ["Awake", "alert"], ["was unresponsive, now alert", "A"]]
)
def test_alert_beside_what_is_not_understood_is_in_doubt(texts: list[str]) -> None:
    assert responsiveness.level(texts, ["LA9340-6"]) is None


def test_an_unknown_code_beside_alert_is_in_doubt_without_a_text() -> None:
    assert responsiveness.level([], ["LA9340-6", "3006004"]) is None


@given(st.text(max_size=40))
def test_any_words_are_a_level_or_none(words: str) -> None:
    assert responsiveness.level([words]) in (None, *responsiveness.LEVELS)
