"""What the page of a dictation shows: each item of the note to be heard, confirmed or corrected."""

from agents.dictation.numbers import Kind
from agents.dictation.vitals import VITALS
from agents.dictation.written import TITLES
from contracts.dictation import NoteItem, NoteSection
from contracts.suggestions import Suggestion
from contracts.views import Item, Played, View

REASONS = (
    "another patient",
    "not a clinical recording",
    "already in the chart",
    "cannot be understood",
    "says it wrong",
)
NUMBER, PRESSURE = r"\s*\d{1,3}([.,]\d+)?\s*%?.*", r"\s*\d{2,3}\s*(/|over)\s*\d{2,3}.*"
"""What the page takes for a vital sign, else it says so at once."""
HEARD_CHARS = 300
_KINDS = (Kind.NUMBER, Kind.DRUG, f"{Kind.NUMBER} and {Kind.DRUG}")


def view(suggestion: Suggestion) -> View:
    """Return the note as items, tied to the recordings that can be played."""
    note, recordings = suggestion.note, suggestion.facts.recordings
    heard = [n for n, recording in enumerate(recordings) if recording.blob]
    played = tuple(
        Played(label=f"Recording {n + 1}", blob=recordings[n].blob, media_type=recordings[n].media_type) for n in heard
    )
    return View(
        noun="answer",
        reasons=REASONS,
        items_title="Note by hand" if note and note.by_hand else "Note",
        items=tuple(_item(item, heard) for item in (note.items if note else ())),
        recordings=played,
        ranked=False,
        approve="File note",
        without_model="by hand",
    )


def _item(item: NoteItem, heard: list[int]) -> Item:
    playable = item.recording in heard
    vital = item.key.partition("-")[0]
    return Item(
        key=item.key,
        label=f"{item.label}, {VITALS[vital].shown}" if vital in VITALS else item.label,
        place=TITLES[item.section],
        extra=item.section == NoteSection.VITALS and not item.text and item.recording is None,
        text=item.text,
        pattern=("" if item.section != NoteSection.VITALS else PRESSURE if vital == "bp" else NUMBER),
        doubt=f"{item.doubt} heard differently" if item.doubt in _KINDS and item.alternatives else item.doubt,
        alternatives=item.alternatives,
        must_type=item.must_type,
        heard=item.heard if len(item.heard) <= HEARD_CHARS else f"{item.heard[:HEARD_CHARS]}…",
        recording=heard.index(item.recording) if playable and item.recording is not None else None,
        start_s=item.start_s if playable else None,
        end_s=item.end_s if playable else None,
    )
