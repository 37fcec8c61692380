"""Hearings that go in circles: they are no words of a note, and no button."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.dictation import hearing, loops, names, note
from contracts.transcripts import Transcript
from tests.fakes.dictations import made, spoken, texts

DRUGS = names.known(())


def looped(said: str, other: str | None = None) -> list[str]:
    words = said.split()
    found = loops.found(spoken(said), spoken(other) if other is not None else None, DRUGS)
    return [" ".join(words[first : last + 1]) for first, last in found]


@pytest.mark.parametrize(
    ("said", "loop"),
    [
        ("paracetamol, amoxicillin, amoxicillin, amoxicillin, enoxaparin, amoxicillin",) * 2,
        ("takes aspirin aspirin aspirin daily", "aspirin aspirin aspirin"),
        ("and the the the the pulse", "the the the the"),
        ("has a cough and then has a cough and then has a cough and then has", "has a cough and then has a cough and "
         "then has a cough and then has"),
        ("Given morphine and ondansetron, heparin and morphine now", "morphine and ondansetron, heparin and morphine"),
        ("seen. " + "Thank you for watching. " * 4, "Thank you for watching. " * 4),
    ],
)  # fmt: skip
def test_what_repeats_itself_is_a_loop(said: str, loop: str) -> None:
    assert looped(said) == [loop.strip()]


@pytest.mark.parametrize(
    "said",
    [
        "No, no, she fell.", "very, very, very bad", "No pain, no pain at all.", "no fever, no cough, no rash",
        "takes metformin, amlodipine, ramipril, aspirin", "given morphine, then morphine again", "pulse 90 90",
        "blood pressure 120 over 80 lying and 120 over 80 standing", "aspirin, no, aspirin 300",
    ],
)  # fmt: skip
def test_what_people_repeat_is_none(said: str) -> None:
    assert looped(said) == []


def test_names_that_only_one_hearing_has_are_recited() -> None:
    said = "seen at home aspirin, paracetamol, ibuprofen, morphine now well"
    assert looped(said, "seen at home now well") == ["aspirin, paracetamol, ibuprofen, morphine"]
    assert looped(said, "seen at home as pirin para set amol ibu profane more fiend now well") == []


def test_a_loop_is_an_item_to_be_typed_and_what_is_around_it_stays() -> None:
    found = made("Pulse 70. Takes amoxicillin, amoxicillin, amoxicillin, amoxicillin. She was seen by her own nurse.")
    (item,) = [item for item in found.items if item.doubt]
    assert (item.text, item.must_type, item.doubt) == ("", True, note.REPEATS)
    assert item.heard == "amoxicillin, amoxicillin, amoxicillin, amoxicillin" and item.start_s == 1.5
    assert "She was seen by her own nurse" in texts(found).values() and texts(found)["hr"] == "70"


def test_a_hearing_of_loops_alone_is_unusable_and_the_note_says_so() -> None:
    found = made("Well. " + "amoxicillin, enoxaparin, " * 20)
    assert found.by_hand and not texts(found)
    (item,) = [item for item in found.items if item.doubt]
    assert (item.doubt, item.must_type) == (note.UNUSABLE, True)


def test_a_loop_of_the_other_hearing_is_no_button_even_where_the_two_agree_on_a_word_of_it() -> None:
    loop = "paracetamol, amoxicillin, amoxicillin, amoxicillin, enoxaparin, amoxicillin"
    found = made("Takes amoxicillin 500 mg daily.", f"Takes {loop} daily.")
    (item,) = [item for item in found.items if item.doubt]
    assert (item.text, item.alternatives) == ("amoxicillin 500 mg daily", ())


SAID = "no pain takes aspirin amoxicillin enoxaparin morphine 5 mg and pulse 90 since then"
words = st.lists(st.sampled_from(SAID.split()), max_size=25)


@given(words, words, st.lists(st.sampled_from(sorted(DRUGS)), min_size=1, max_size=4), st.integers(3, 12))
def test_no_loop_is_ever_an_item_or_a_button(first: list[str], rest: list[str], phrase: list[str], times: int) -> None:
    circling = " ".join([*first, *phrase * times, *rest])
    for one, other in ((circling, " ".join(first)), (" ".join([*first, *rest]), circling)):
        found = made(one, other)
        for text in (text for item in found.items for text in (item.text, *item.alternatives)):
            assert looped(text) == [], text
    assert looped(circling)


@given(words, words)
def test_loops_are_in_order_and_share_no_word(first: list[str], second: list[str]) -> None:
    found = loops.found(spoken(" ".join(first)), spoken(" ".join(second)), DRUGS)
    assert all(0 <= begins <= ends < len(first) for begins, ends in found)
    assert all(one[1] < other[0] for one, other in pairwise(found))


def test_nothing_heard_is_no_loop() -> None:
    nothing = Transcript(words=(), duration_s=1)
    assert loops.found(nothing, nothing, DRUGS) == () and not loops.unusable(nothing, ())
    assert hearing.better(nothing, nothing) == (nothing, nothing)
