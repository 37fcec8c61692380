"""Serves a Whisper model over HTTP in OpenAI's multipart shape, with names to listen for; run by the models' python.

It stands alone, since the models' environment has faster-whisper and FastAPI, and nothing of this project.
"""

import argparse
import asyncio
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

# Only the models' environment has these, not the one that is type-checked.
import av  # pyright: ignore[reportMissingImports]
import ctranslate2  # pyright: ignore[reportMissingImports]
import numpy as np
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from faster_whisper import WhisperModel  # pyright: ignore[reportMissingImports]
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

MOST_BYTES = 25 * 2**20  # OpenAI's bound, too
MOST_S = 600.0
"""Of one recording, which takes two cores about a minute."""
MOST_WAITING, RETRY_AFTER_S = 4, 5
RATE = 16_000
BEAMS, TEMPERATURES, SEED = 5, (0.0, 0.2, 0.4), 1
MOST_NAMES_CHARS = 2000
FORMATS = ("json", "verbose_json", "text")
TAKEN = {"file", "model", "language", "response_format", "temperature", "hotwords", "timestamp_granularities[]"}


class Refused(Exception):
    """What was asked can't be done; the text says why, and holds nothing that was said."""

    def __init__(self, status: int, code: str, why: str) -> None:
        super().__init__(why)
        self.status, self.code = status, code


@dataclass(frozen=True)
class Asked:
    language: str
    hotwords: str
    format: str


class Ear:
    """The model. It hears one recording at a time, on all cores; a few more may wait."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        threads = len(os.sched_getaffinity(0))
        self._model = WhisperModel(
            str(folder), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True
        )
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def hear(self, request: Request, file: BinaryIO, asked: Asked) -> dict[str, Any]:
        """Return the words with their times, as OpenAI's `verbose_json`. Raises Refused."""
        if self._waiting > MOST_WAITING:
            raise Refused(429, "busy", f"{MOST_WAITING} recordings wait already")
        self._waiting += 1
        gone = threading.Event()
        watch = asyncio.create_task(_left(request, gone))
        try:
            async with self._turn:
                return await asyncio.to_thread(self._heard, file, asked, gone)
        finally:
            self._waiting -= 1
            watch.cancel()

    def _heard(self, file: BinaryIO, asked: Asked, gone: threading.Event) -> dict[str, Any]:
        audio = decode(file)
        told, words, segments = [], [], []
        if len(audio):
            # No text is carried over, so that a slip stays where it was made. A stretch that the model fills by
            # repeating itself is heard again with some chance in it, always the same. Without speech detection first,
            # silence is heard as words.
            ctranslate2.set_random_seed(SEED)
            heard, _ = self._model.transcribe(
                audio,
                language=asked.language,
                beam_size=BEAMS,
                temperature=TEMPERATURES,
                log_prob_threshold=None,
                condition_on_previous_text=False,
                word_timestamps=True,
                vad_filter=True,
                hotwords=asked.hotwords or None,
            )
            for segment in heard:
                if gone.is_set():
                    raise Refused(499, "gone", "nobody waits for the answer")
                told.append(segment.text.strip())
                segments.append(_segment(segment))
                words += _words(segment.words or ())
        answer = {"task": "transcribe", "language": asked.language, "duration": round(len(audio) / RATE, 3)}
        return answer | {"text": " ".join(told), "segments": segments, "words": words}


def decode(file: BinaryIO) -> np.ndarray:
    """Return the first audio stream, mono, 16 kHz, -1 to 1. Raises Refused.

    It stops at the bound: some kilobytes of compressed silence may be hours.
    """
    pieces: list[np.ndarray] = []
    samples = 0
    try:
        with av.open(file, mode="r", metadata_errors="ignore") as container:
            for piece in _resampled(container):
                pieces.append(piece)
                samples += len(piece)
                if samples > MOST_S * RATE:
                    raise Refused(413, "too_long", f"longer than {MOST_S:.0f} s: make it in parts")
    except (av.error.FFmpegError, ValueError, IndexError) as fault:
        raise Refused(400, "unreadable", f"no audio that can be read ({type(fault).__name__})") from None
    audio = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
    return audio.astype(np.float32) / 32768


def _resampled(container: Any) -> Iterator[np.ndarray]:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    for frame in container.decode(audio=0):
        frame.pts = None  # times that jump would be refused; what counts is the order
        for piece in resampler.resample(frame):
            yield piece.to_ndarray().reshape(-1)
    for piece in resampler.resample(None):
        yield piece.to_ndarray().reshape(-1)


def app(ear: Ear) -> FastAPI:
    """Return the HTTP interface: `/v1/models` and `/v1/audio/transcriptions`."""
    served = FastAPI(openapi_url=None)

    @served.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [{"id": ear.name, "object": "model", "owned_by": "wardflow"}]}

    @served.post("/v1/audio/transcriptions")
    async def transcriptions(request: Request) -> Response:
        try:
            _bounded(request)
            async with request.form(max_files=1, max_fields=16) as form:
                file, asked = _asked(form, ear.name)
                answer = await ear.hear(request, file, asked)
        except (Refused, HTTPException) as fault:
            return _refusal(fault)
        if asked.format == "text":
            return PlainTextResponse(answer["text"])
        return JSONResponse(answer if asked.format == "verbose_json" else {"text": answer["text"]})

    return served


def _refusal(fault: Refused | HTTPException) -> Response:
    """Return it as OpenAI's clients read it."""
    if isinstance(fault, HTTPException):
        fault = Refused(400, "unreadable_form", "no multipart/form-data that can be read")
    headers = {"retry-after": str(RETRY_AFTER_S)} if fault.status == 429 else None
    error = {"message": str(fault), "type": "invalid_request_error", "code": fault.code}
    return JSONResponse({"error": error}, fault.status, headers)


def _bounded(request: Request) -> None:
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        raise Refused(411, "no_length", "Content-Length is missing")
    if int(length) > MOST_BYTES:
        raise Refused(413, "too_large", f"more than {MOST_BYTES} bytes")


def _asked(form: FormData, name: str) -> tuple[BinaryIO, Asked]:
    unknown = sorted(set(form) - TAKEN)
    if unknown:
        raise Refused(400, "unknown_field", f"not taken here: {', '.join(unknown)[:100]}")
    if form.get("model") != name:
        raise Refused(404, "model_not_found", f"the model served here is {name}")
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise Refused(400, "no_file", "file is missing")
    told = {field: str(form.get(field) or "") for field in ("language", "hotwords", "response_format")}
    if told["response_format"] not in ("", *FORMATS):
        raise Refused(400, "response_format", f"one of {', '.join(FORMATS)}")
    if len(told["hotwords"]) > MOST_NAMES_CHARS:
        raise Refused(400, "hotwords", f"more than {MOST_NAMES_CHARS} characters")
    language = told["language"] or "en"
    if not (language.isalpha() and len(language) == 2):
        raise Refused(400, "language", "two letters, as in ISO 639-1")
    return file.file, Asked(language.lower(), told["hotwords"], told["response_format"] or "json")


async def _left(request: Request, gone: threading.Event) -> None:
    """Notice that nobody waits any more, so that the next recording need not."""
    with suppress(asyncio.CancelledError):
        while not await request.is_disconnected():
            await asyncio.sleep(0.5)
        gone.set()


def _segment(segment: Any) -> dict[str, Any]:
    return {
        "id": segment.id,
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
        "avg_logprob": segment.avg_logprob,
        "no_speech_prob": segment.no_speech_prob,
    }


def _words(heard: Iterable[Any]) -> list[dict[str, Any]]:
    """Return words with their probabilities, which OpenAI does not give.

    The model takes `35.4` for two words, and `62-year-old` for three. What has no space before it belongs to the word
    before; the least probability counts, where there are digits the least of those with digits.
    """
    words: list[list[Any]] = []
    for part in heard:
        if words and not part.word.startswith(" "):
            words[-1].append(part)
        else:
            words.append([part])
    return [_word(parts) for parts in words]


def _word(parts: list[Any]) -> dict[str, Any]:
    digits = [part for part in parts if any(letter.isdigit() for letter in part.word)]
    return {
        "word": "".join(part.word for part in parts).strip(),
        "start": round(parts[0].start, 3),
        "end": round(parts[-1].end, 3),
        "probability": round(min(part.probability for part in digits or parts), 4),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder of a CTranslate2 Whisper model")
    parser.add_argument("--name", required=True, help="as which it is served")
    parser.add_argument("--port", type=int, required=True)
    told = parser.parse_args()
    heard = app(Ear(told.model, told.name))
    uvicorn.run(heard, host="127.0.0.1", port=told.port, log_level="warning", access_log=False)
