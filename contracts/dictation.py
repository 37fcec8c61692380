"""What was dictated: where two hearings of it disagree, and the note that is made of it."""

from enum import StrEnum

from contracts.frozen import Frozen
from contracts.time_zones import DEFAULT, TimeZone


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


class NoteSection(StrEnum):
    """In the order in which a note is read."""

    COMPLAINT = "complaint"
    HISTORY = "history"
    VITALS = "vitals"
    MEDICATIONS = "medications"


class NoteItem(Frozen):
    """Some words of a recording, in the section that they belong to. No word of a recording is in none."""

    key: str
    """Unique in its note; of a vital sign it begins with the name of its measure: `bp`, `hr-2`."""
    section: NoteSection
    label: str
    text: str
    """As it will be written, unless a person corrects it; empty where nothing was heard, or it must be typed."""
    recording: int | None = None
    """Position in the chart's recordings."""
    start_s: float | None = None
    end_s: float | None = None
    doubt: str = ""
    """Why a person must confirm or correct it; empty where nothing is in doubt."""
    alternatives: tuple[str, ...] = ()
    must_type: bool = False
    """Its value can hardly be right, or only repeats itself: a confirmation is no answer, a person types it."""
    heard: str = ""
    """The words of the recording where it must be typed, else empty."""


class Note(Frozen):
    items: tuple[NoteItem, ...]
    by_hand: bool = False
    """No model heard some recording of it: a person listens and writes."""


class DictationOptions(Frozen):
    """The pathway's own block of the configuration."""

    language: str = "en"
    time_zone: TimeZone = DEFAULT
    """IANA name of the hospital's zone, in which ages change and times without a zone are read; by default that of
    `[hospital]`."""
