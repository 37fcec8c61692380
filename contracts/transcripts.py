"""What a transcription model heard."""

from contracts.frozen import Frozen


class Word(Frozen):
    text: str
    """With its punctuation, without spaces around it."""
    start_s: float
    end_s: float
    probability: float | None = None
    """The model's own, not calibrated; None where the server gives none."""


class Transcript(Frozen):
    words: tuple[Word, ...]
    duration_s: float

    @property
    def text(self) -> str:
        """Return the words as one line."""
        return " ".join(word.text for word in self.words)
