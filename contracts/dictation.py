"""What was dictated, and where two hearings of it disagree."""

from contracts.frozen import Frozen


class Doubt(Frozen):
    """A stretch of words, of the hearing with hotwords, that a person must confirm or correct."""

    first: int
    """Index of its first word."""
    last: int
    """Index of its last word, itself in it; less than `first` where only the other hearing has words."""
    heard_otherwise: str
    """What the hearing without hotwords has there; empty where it has nothing."""
    why: str
    """For a person: `number`, `drug name`, or both."""
