"""Dictations that a model heard word by word, and what becomes of them: marks, a note, a suggestion."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from agents.dictation import hearing, note
from agents.dictation.pathway import Dictation
from agents.pathway import Ports, suggest
from contracts.charts import ChartFacts, ChartRecording
from contracts.dictation import DictationOptions, Note
from contracts.errors import ModelError
from contracts.model_calls import ChatRequest, ModelCall
from contracts.suggestions import Suggestion
from contracts.transcripts import Transcript, Word
from tests.fakes.samples import NOW
from tests.fakes.scripted_chat import called

PATHWAY = Dictation(DictationOptions())
RECORDED = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
SAID = "Presents with cough. Blood pressure 120 over 80. Takes amlodipine 5 mg."
S_A_WORD = 0.5
"""Seconds from the start of a word to the start of the next; each word takes nine tenths of them."""


def spoken(text: str) -> Transcript:
    """Return the transcript of a text, each word in its turn."""
    words = [Word(text=w, start_s=n * S_A_WORD, end_s=(n + 0.9) * S_A_WORD) for n, w in enumerate(text.split())]
    return Transcript(words=tuple(words), duration_s=len(words) * S_A_WORD)


def marked(first: str, second: str, *medications: str) -> list[tuple[str, str, str]]:
    """Return what is marked in the first hearing, what the other has there, and why."""
    words = first.split()
    return [
        (" ".join(words[d.first : d.last + 1]), d.heard_otherwise, d.why)
        for d in hearing.doubts(spoken(first), spoken(second), medications)
    ]


def made(text: str, otherwise: str | None = None, known: tuple[str, ...] = ()) -> Note:
    """Return the note of a text that was heard twice, the second time perhaps otherwise."""
    first, second = spoken(text), spoken(text if otherwise is None else otherwise)
    return note.structure([first], [hearing.doubts(first, second, known)], known)


def texts(found: Note) -> dict[str, str]:
    """Return the texts of a note by the keys of its items, empty ones left out."""
    return {item.key: item.text for item in found.items if item.text}


@dataclass
class Ear:
    """Hears one text with names and another without; a ModelError is raised instead."""

    with_names: str | ModelError = SAID
    without: str | ModelError = SAID
    asked: list[ChatRequest] = field(default_factory=list)

    async def ask(self, request: ChatRequest) -> ModelCall:
        self.asked.append(request)
        assert request.recording
        text = self.with_names if request.recording.hotwords else self.without
        if isinstance(text, ModelError):
            raise text
        return called(request, text if text.startswith("{") else spoken(text).model_dump_json())


def chart(*recordings: ChartRecording) -> ChartFacts:
    """Return a chart with these recordings, or with one."""
    given = recordings or (
        ChartRecording(resource="Media/m/_history/1", blob="b", media_type="audio/ogg", recorded_at=RECORDED),
    )
    return ChartFacts(encounter_id="enc-1", patient="Patient/p", as_of=NOW, facts=(), recordings=given)


async def proposed(ear: Ear | None, facts: ChartFacts | None = None) -> Suggestion:
    """Return what the dictation pathway proposes when this model hears the recordings."""
    return await suggest(PATHWAY, facts or chart(), Ports({"transcription": ear} if ear else {}))
