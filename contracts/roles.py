"""What a model can be for."""

from enum import StrEnum


class Role(StrEnum):
    """Names its block in the configuration."""

    REASONING = "reasoning"
    """Chooses a level, and says why."""
    CODE = "code"
    """Writes calculations as programs."""
    TRANSCRIPTION = "transcription"
    """Writes down what was spoken; all others chat."""
