"""Answers of speech endpoints that can't be what was said."""

from typing import Any

import pytest

from contracts.transcripts import Transcript, Word
from integrations.inference import transcription
from integrations.inference.transcription import checked


def told(*words: tuple[str, float, float], duration_s: float = 10.0) -> Transcript:
    return Transcript(words=tuple(Word(text=t, start_s=a, end_s=b) for t, a, b in words), duration_s=duration_s)


def test_silence_is_a_transcript_without_words() -> None:
    assert checked(told(), "").words == ()


@pytest.mark.parametrize(
    ("transcript", "text"),
    [
        (told(("a", float("nan"), 1)), "a"),
        (told(("a", 0, 1), duration_s=float("inf")), "a"),
        (told(duration_s=-1), ""),
        (told(("a", -1, 1)), "a"),
        (told(("a", 2, 1)), "a"),
        (told(("a", 5, 6), ("b", 1, 2)), "a b"),
        (told(("a", 11.5, 12)), "a"),
        (told(*[("and", 1, 1)] * 100), "and " * 100),
        (told(("5" + ",000" * 40, 0, 9)), ""),
        (told(("forty", 0, 1)), "forty milligrams at night"),
    ],
)
def test_what_can_not_have_been_said_is_refused(transcript: Transcript, text: str) -> None:
    with pytest.raises(ValueError):
        checked(transcript, text)


@pytest.mark.parametrize("answer", [{}, [], None, {"duration": "x", "text": ""}, {"duration": 1}, {"text": "a"},
                                    {"duration": 1, "text": "a", "words": [{"word": 1, "start": 0, "end": 1}]},
                                    {"duration": 1, "text": "a", "words": [{"word": "a", "start": 0}]},
                                    {"duration": 1, "text": "a", "words": "abc"}])  # fmt: skip
def test_what_is_no_verbose_json_is_refused(answer: Any) -> None:
    with pytest.raises((KeyError, IndexError, TypeError, ValueError, AttributeError)):
        transcription.of_openai(answer)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        None,
        {"durationMilliseconds": 1, "combinedPhrases": []},
        {"durationMilliseconds": 1, "combinedPhrases": [{}], "phrases": []},
        {"durationMilliseconds": 1, "combinedPhrases": [], "phrases": [{"text": "a"}]},
    ],
)
def test_what_is_no_azure_answer_is_refused(answer: Any) -> None:
    with pytest.raises((KeyError, IndexError, TypeError, ValueError, AttributeError)):
        transcription.of_azure(answer)
