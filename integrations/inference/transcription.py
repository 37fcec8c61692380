"""Speech to words at an endpoint of OpenAI's multipart shape or of Azure Speech, kept as a `Transcript`."""

import asyncio
import json
import math
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

import httpx

from contracts.errors import Fallback, ModelError
from contracts.model_calls import ChatRequest, ModelCall, Recording
from contracts.transcripts import Transcript, Word
from integrations.inference.budget import Budget
from integrations.inference.chat import ChatClient, ChatEndpoint, Dialect

SPEECH = frozenset({Dialect.FASTER_WHISPER, Dialect.OPENAI_AUDIO, Dialect.AZURE_SPEECH})
"""The dialects that write speech down, and can do nothing else."""
AZURE_VERSION = "2025-10-15"
"""Of Azure's speech to text REST API: `transcriptions:transcribe` with enhanced mode."""
WORDS_A_SECOND = 8.0
"""More than anybody says: a model that repeats itself."""
PAST_END_S = 1.0
"""So much later than the recording's end a word may be said to end: times are estimates."""
LONGEST_WORD = 60
LEAST_TOLD = 0.8
"""Of the letters of an answer's text, so many must be in its words; else it was cut."""
# Servers tell what a file holds by the end of its name.
_ENDINGS = {
    "audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav", "audio/vnd.wave": "wav", "audio/ogg": "ogg",
    "audio/webm": "webm", "video/webm": "webm", "audio/mp4": "m4a", "audio/x-m4a": "m4a", "audio/m4a": "m4a",
    "audio/mpeg": "mp3", "audio/flac": "flac",
}  # fmt: skip


class TranscriptionClient(ChatClient):
    """One endpoint, asked as a chat is; `read` gives the audio of a blob. Raises ModelError, never retries.

    What it costs is counted in seconds of audio: `cost_1000_tokens` is that of 1,000 seconds.
    """

    def __init__(self, endpoint: ChatEndpoint, read: Callable[[str], bytes], budget: Budget | None = None) -> None:
        super().__init__(endpoint, budget=budget)
        self._audio_of = read
        if endpoint.dialect == Dialect.AZURE_SPEECH and endpoint.api_key:
            del self._http.headers["authorization"]
            self._http.headers["ocp-apim-subscription-key"] = endpoint.api_key

    async def served(self) -> list[str]:
        """Return the names of the models that the endpoint serves. Raises ModelError(UNREACHABLE).

        Azure lists no such models: its list of others only shows that it answers and takes our key.
        """
        if self.endpoint.dialect != Dialect.AZURE_SPEECH:
            return await super().served()
        asked = {"api-version": AZURE_VERSION, "top": "1"}
        try:
            async with asyncio.timeout(self.endpoint.timeout_s):
                answer = await self._fetch("GET", f"{self.endpoint.url}/speechtotext/models/base", params=asked)
            answer.raise_for_status()
        except (httpx.HTTPError, TimeoutError) as fault:
            raise ModelError(Fallback.UNREACHABLE, type(fault).__name__) from None
        return [self.endpoint.model]

    async def _post(self, endpoint: ChatEndpoint, request: ChatRequest) -> httpx.Response:
        recording = request.recording
        if recording is None:
            raise ModelError(Fallback.NONSENSE, "asked to write down nothing")
        audio = await asyncio.to_thread(self._audio_of, recording.blob)
        media_type = recording.media_type.partition(";")[0].strip().lower()
        file = (f"recording.{_ENDINGS.get(media_type, 'bin')}", audio, media_type)
        if endpoint.dialect == Dialect.AZURE_SPEECH:
            definition = (None, json.dumps(_definition(endpoint, recording)), "application/json")
            url = f"{endpoint.url}/speechtotext/transcriptions:transcribe"
            files = {"audio": file, "definition": definition}
            return await self._fetch("POST", url, params={"api-version": AZURE_VERSION}, files=files)
        url = f"{endpoint.url}/audio/transcriptions"
        return await self._fetch("POST", url, data=_fields(endpoint, recording), files={"file": file})

    def _read(self, request: ChatRequest, answer: Any, called_at: datetime, latency_ms: float) -> ModelCall:
        azure = self.endpoint.dialect == Dialect.AZURE_SPEECH
        transcript = checked(*(of_azure(answer) if azure else of_openai(answer)))
        return ModelCall(
            request=request,
            content=transcript.model_dump_json(),
            finish_reason="stop",
            model=self.endpoint.model,
            endpoint=self.endpoint.name,
            prompt_tokens=math.ceil(transcript.duration_s),
            completion_tokens=0,
            called_at=called_at,
            latency_ms=latency_ms,
        )


def checked(transcript: Transcript, text: str) -> Transcript:
    """Return the transcript if it can be what was said; `text` is the whole answer. Raises ValueError."""
    words, duration_s = transcript.words, transcript.duration_s
    times = [time for word in words for time in (word.start_s, word.end_s)]
    if not all(math.isfinite(time) for time in (*times, duration_s)) or duration_s < 0:
        raise ValueError("a time that is none")
    if any(word.start_s < 0 or word.end_s < word.start_s for word in words):
        raise ValueError("a word that ends before it begins")
    if any(after.start_s < before.start_s for before, after in pairwise(words)):
        raise ValueError("words out of their order")
    if words and words[-1].end_s > duration_s + PAST_END_S:
        raise ValueError("a word after the end")
    if len(words) > WORDS_A_SECOND * (duration_s + PAST_END_S):
        raise ValueError("more words than can be said")
    if any(len(word.text) > LONGEST_WORD for word in words):
        raise ValueError("a word that nobody says")
    if _letters(transcript.text) < LEAST_TOLD * _letters(text):
        raise ValueError("a text that its words do not hold")
    return transcript


def _fields(endpoint: ChatEndpoint, recording: Recording) -> dict[str, str | list[str]]:
    fields: dict[str, str | list[str]] = {
        "model": endpoint.model,
        "language": recording.language,
        "response_format": "verbose_json",
        "timestamp_granularities[]": ["word", "segment"],
        "temperature": "0",
    }
    if recording.hotwords:
        # A prompt can change numbers. Whoever sends names hears the recording once more without them.
        name = "hotwords" if endpoint.dialect == Dialect.FASTER_WHISPER else "prompt"
        fields[name] = ", ".join(recording.hotwords)
    return fields


def _definition(endpoint: ChatEndpoint, recording: Recording) -> dict[str, Any]:
    told: dict[str, Any] = {
        "locales": [recording.language],
        "enhancedMode": {"enabled": True, "model": endpoint.model, "modelOptions": {"timestamps": "word"}},
    }
    if recording.hotwords:
        told["phraseList"] = {"phrases": list(recording.hotwords)}
    return told


def of_openai(answer: Any) -> tuple[Transcript, str]:
    """Return the transcript in `verbose_json`, unchecked, and the whole text.

    Without times of words, those of its segments are shared out. Raises what reading an answer of another shape raises
    (KeyError, IndexError, TypeError, ValueError, AttributeError).
    """
    duration_s, text = float(answer["duration"]), str(answer["text"])
    if told := answer.get("words"):
        words = [_word(w["word"], w["start"], w["end"], w.get("probability")) for w in told]
    else:
        spans = answer.get("segments") or [{"text": text, "start": 0.0, "end": duration_s}]
        words = [word for span in spans for word in _spread(span["text"], float(span["start"]), float(span["end"]))]
    return Transcript(words=tuple(w for w in words if w.text), duration_s=duration_s), text


def of_azure(answer: Any) -> tuple[Transcript, str]:
    """Return the transcript in Azure's answer, unchecked, and the whole text; raises as `of_openai` does.

    Azure's confidence is of whole phrases, and 0 where it has none: it is left out.
    """
    words: list[Word] = []
    for phrase in answer["phrases"]:
        start_s, end_s = _span(phrase)
        told = [_word(word["text"], *_span(word)) for word in phrase.get("words") or ()]
        words += told or _spread(phrase["text"], start_s, end_s)
    text = " ".join(str(combined["text"]) for combined in answer["combinedPhrases"])
    duration_s = float(answer["durationMilliseconds"]) / 1000
    return Transcript(words=tuple(w for w in words if w.text), duration_s=duration_s), text


def _span(timed: Any) -> tuple[float, float]:
    start_ms = float(timed["offsetMilliseconds"])
    return start_ms / 1000, (start_ms + float(timed["durationMilliseconds"])) / 1000


def _word(text: Any, start_s: Any, end_s: Any, probability: Any = None) -> Word:
    told = None if probability is None else float(probability)
    if not isinstance(text, str) or (told is not None and not 0 <= told <= 1):
        raise ValueError("no word")
    return Word(text=text.strip(), start_s=float(start_s), end_s=float(end_s), probability=told)


def _spread(text: str, start_s: float, end_s: float) -> list[Word]:
    """Return the words as if each letter took as long as the others."""
    parts = text.split()
    letters, said, words = sum(map(len, parts)), 0, list[Word]()
    for part in parts:
        begin, said = said, said + len(part)
        at, until = (start_s + (end_s - start_s) * n / letters for n in (begin, said))
        words.append(Word(text=part, start_s=at, end_s=until))
    return words


def _letters(text: str) -> int:
    return sum(letter.isalnum() for letter in text)
