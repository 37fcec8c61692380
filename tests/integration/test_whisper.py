"""Our own speech server with the real model, on what espeak-ng says."""

import asyncio
import os
import signal
import subprocess
import wave
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents.dictation.hearing import doubts
from agents.dictation.names import hotwords
from contracts.errors import Fallback, ModelError
from contracts.model_calls import ChatRequest, Recording
from contracts.transcripts import Transcript
from infra import models
from infra.serving import Fixed
from integrations.inference.chat import ChatEndpoint, Dialect, Phi
from integrations.inference.transcription import TranscriptionClient
from tests.ports import any_port
from tests.real_model import WHISPER, until_it_answers
from tests.ward import ROOT

pytestmark = [pytest.mark.integration, pytest.mark.model]
TEXT = "Blood pressure 160 over 95. Takes hydralazine 25 milligrams."
ENCODE = """
import sys, av
with av.open(sys.argv[1]) as source, av.open(sys.argv[2], "w") as target:
    stream = target.add_stream(sys.argv[3], rate=48000, layout="mono")
    size = stream.codec_context.frame_size
    resampler = av.AudioResampler(format=stream.format, layout="mono", rate=48000, frame_size=size)
    for frame in [*source.decode(audio=0), None]:
        for piece in resampler.resample(frame):
            target.mux(stream.encode(piece))
    target.mux(stream.encode(None))
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fixed]:
    assert (ROOT / models.CACHE / WHISPER.name).exists(), "run `make models` first"
    fixed = Fixed(tmp_path_factory.mktemp("logs"), WHISPER, any_port())
    until_it_answers(fixed)
    yield fixed
    fixed.stop()


@pytest.fixture(scope="module")
def url(served: Fixed) -> str:
    argv = served.parts()[0].argv
    return f"http://127.0.0.1:{argv[argv.index('--port') + 1]}/v1"


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("audio") / "said.wav"
    subprocess.run(["espeak-ng", "-v", "en-us", "-s", "150", "-w", path, TEXT], check=True)
    return path


@pytest.fixture
async def client(url: str) -> AsyncIterator[TranscriptionClient]:
    endpoint = ChatEndpoint("transcription", url, WHISPER.name, Phi.ALLOWED, Dialect.FASTER_WHISPER, 60.0)
    client = TranscriptionClient(endpoint, lambda path: Path(path).read_bytes())
    yield client
    await client.close()


async def heard(client: TranscriptionClient, path: Path, *names: str, media_type: str = "audio/wav") -> Transcript:
    recording = Recording(blob=str(path), media_type=media_type, hotwords=names)
    call = await client.ask(ChatRequest(step="hear", messages=(), recording=recording, max_tokens=1000))
    return Transcript.model_validate_json(call.content)


def sent(url: str, content: bytes, **fields: Any) -> httpx.Response:
    data = {"model": WHISPER.name, "response_format": "verbose_json"} | fields
    return httpx.post(f"{url}/audio/transcriptions", data=data, files={"file": ("a.wav", content)}, timeout=60)


def silence(path: Path, seconds: float) -> bytes:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(b"\x80" * int(seconds * 8000))
    return path.read_bytes()


async def test_words_come_with_times_and_probabilities(client: TranscriptionClient, spoken: Path) -> None:
    transcript = await heard(client, spoken, *hotwords(["hydralazine 25 mg tablet"]))
    assert "160 over 95" in transcript.text.replace("/", " over ")
    assert "hydralazine" in transcript.text.lower()
    assert all(w.probability and 0 < w.probability <= 1 for w in transcript.words)
    assert [w.start_s for w in transcript.words] == sorted(w.start_s for w in transcript.words)
    assert 3 < transcript.duration_s < 15 and transcript.words[-1].end_s <= transcript.duration_s + 0.5


async def test_a_drug_that_is_only_heard_when_listened_for_is_marked(client: TranscriptionClient, spoken: Path) -> None:
    first, second = await heard(client, spoken, *hotwords(["hydralazine"])), await heard(client, spoken)
    assert "hydralazine" not in second.text.lower()
    marked = [" ".join(w.text for w in first.words[d.first : d.last + 1]).lower() for d in doubts(first, second)]
    assert any("hydralazine" in words for words in marked)


async def test_the_same_recording_is_heard_the_same(client: TranscriptionClient, spoken: Path) -> None:
    assert await heard(client, spoken) == await heard(client, spoken)


@pytest.mark.parametrize(
    ("ending", "codec", "media_type"),
    [("ogg", "libopus", "audio/ogg"), ("webm", "libopus", "audio/webm;codecs=opus"), ("mp4", "aac", "audio/mp4")],
)
async def test_what_browsers_record_is_read(
    client: TranscriptionClient, spoken: Path, tmp_path: Path, ending: str, codec: str, media_type: str
) -> None:
    path, python = tmp_path / f"a.{ending}", ROOT / models.VENV / models.PYTHON
    subprocess.run([python, "-c", ENCODE, spoken, path, codec], check=True)
    transcript = await heard(client, path, media_type=media_type)
    assert "160 over 95" in transcript.text.replace("/", " over ")


async def test_silence_says_nothing(client: TranscriptionClient, tmp_path: Path) -> None:
    silence(tmp_path / "a.wav", 3)
    transcript = await heard(client, tmp_path / "a.wav")
    assert (transcript.words, transcript.duration_s) == ((), pytest.approx(3, abs=0.1))


def test_bad_input_gets_a_clear_line(url: str, spoken: Path, tmp_path: Path) -> None:
    good = spoken.read_bytes()
    for content, fields, status, told in (
        (b"%PDF-1.7 no audio", {}, 400, "no audio"),
        (b"", {}, 400, "no audio"),
        (good[:30], {}, 400, "no audio"),
        (good, {"model": "other"}, 404, WHISPER.name),
        (good, {"prompt": "metoprolol"}, 400, "prompt"),
        (good, {"language": "english"}, 400, "ISO 639-1"),
        (good, {"response_format": "srt"}, 400, "verbose_json"),
        (good, {"hotwords": "x" * 5000}, 400, "2000"),
        (silence(tmp_path / "long.wav", 601), {}, 413, "600 s"),
        (b"x" * (25 * 2**20 + 1), {}, 413, "bytes"),
    ):
        answer = sent(url, content, **fields)
        assert (answer.status_code, told in answer.json()["error"]["message"]) == (status, True), answer.text
    no_file = httpx.post(f"{url}/audio/transcriptions", data={"model": WHISPER.name})
    assert (no_file.status_code, no_file.json()["error"]["code"]) == (400, "no_file")
    assert sent(url, good).status_code == 200, "and it goes on"


async def test_more_than_can_wait_are_told_when_to_come_again(url: str, spoken: Path) -> None:
    async with httpx.AsyncClient(timeout=120) as http:
        files = {"file": ("a.wav", spoken.read_bytes())}
        asked = [http.post(f"{url}/audio/transcriptions", data={"model": WHISPER.name}, files=files) for _ in range(8)]
        answers = await asyncio.gather(*asked)
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {200, 429}
    assert 1 <= len(refused) <= 4 and all(answer.headers["retry-after"] == "5" for answer in refused)


async def test_killed_it_comes_back(served: Fixed, client: TranscriptionClient, spoken: Path) -> None:
    process = served.parts()[0].process
    assert process
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with pytest.raises(ModelError) as refused:
        await heard(client, spoken)
    assert refused.value.kind == Fallback.UNREACHABLE
    until_it_answers(served)
    assert (await heard(client, spoken)).words
