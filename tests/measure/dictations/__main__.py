"""`python -m tests.measure.dictations [--json]`: how well dictations are heard, and which wrong numbers go unmarked.

Each is made by a seed, spoken by a synthetic voice over noise, and heard twice by the real server, with names to listen
for and without. Exit code 0 only if no number was changed without a mark.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil

from agents.dictation.hearing import better, doubts
from agents.dictation.names import hotwords
from contracts.errors import ModelError
from contracts.model_calls import ChatRequest, Recording
from contracts.transcripts import Transcript
from infra import models
from integrations.inference.chat import ChatEndpoint, Dialect, Phi
from integrations.inference.transcription import TranscriptionClient
from tests.measure.dictations import texts, voices
from tests.measure.dictations.score import scored
from tests.measure.dictations.texts import Dictation
from tests.measure.dictations.voices import VOICES, Voice
from tests.measure.prove import report
from tests.ports import any_port
from tests.real_model import WHISPER
from tests.ward import ROOT

_PARTIAL = voices.CACHE / "heard.json"
"""What was heard so far, should a run be cut short."""
COUNT, FIRST_SEED = 48, 100


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.measure.dictations", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--json", action="store_true", help="print the whole result")
    parser.add_argument("--keep", type=Path, help="write the result there")
    parser.add_argument("--hearings", action="store_true", help="keep every word, too, so that --again can score it")
    parser.add_argument("--again", type=Path, nargs="+", help="of kept runs, compare and score what was heard then")
    asked = parser.parse_args()
    if asked.again:
        result = _again([json.loads(kept.read_text()) for kept in asked.again])
    else:
        voices.install()
        with served() as (url, server):
            rows, refused = asyncio.run(_heard_all(url, server, asked.first_seed, asked.count))
        command = f"python -m tests.measure.dictations --first-seed {asked.first_seed} --count {asked.count}"
        result = _told(rows, command)
        result["not_written_down"] = refused
    if not asked.hearings:
        result["rows"] = [{k: v for k, v in row.items() if k != "hearings"} for row in result["rows"]]
    if asked.keep:
        asked.keep.parent.mkdir(parents=True, exist_ok=True)
        asked.keep.write_text(json.dumps(result, indent=1) + "\n")
    sys.stdout.write((json.dumps(result, indent=1) if asked.json else _table(result)) + "\n")
    return int(result["numbers_changed_unmarked"] > 0)


@contextmanager
def served() -> Iterator[tuple[str, psutil.Process]]:
    """Run the real server, alone on this machine's cores."""
    port = any_port()
    argv, env = models.command(WHISPER, port)
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(argv, env=os.environ | env, stdout=log, stderr=log)
        url = f"http://127.0.0.1:{port}/v1"
        try:
            while not _answers(url):
                if server.poll() is not None:
                    log.seek(0)
                    sys.exit(f"the server ended: {log.read().decode()[-500:]}")
                time.sleep(0.5)
            yield url, psutil.Process(server.pid)
        finally:
            server.terminate()
            server.wait(10)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/models", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


async def _heard_all(
    url: str, server: psutil.Process, first_seed: int, count: int
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return what was heard of each, and which could not be written down: those are left to a person altogether."""
    endpoint = ChatEndpoint("transcription", url, WHISPER.name, Phi.ALLOWED, Dialect.FASTER_WHISPER, 120.0)
    client = TranscriptionClient(endpoint, lambda path: Path(path).read_bytes())
    rows: list[dict[str, Any]] = []
    refused: list[str] = []
    for n in range(count):
        dictation = texts.made(first_seed + n)
        voice, noise = VOICES[n % len(VOICES)], list(voices.NOISES)[n // len(VOICES) % len(voices.NOISES)]
        before = server.cpu_times()
        try:
            row = await _heard(client, dictation, voice, noise)
        except ModelError as fault:
            refused.append(f"{dictation.name} {voice.name} {noise}: {fault}")
            continue
        after = server.cpu_times()
        row["cpu_s"] = round(after.user + after.system - before.user - before.system, 2)
        row["memory_mb"] = round(server.memory_info().rss / 1e6)
        rows.append(row)
        _PARTIAL.write_text(json.dumps(rows))
        sys.stderr.write(f"{n + 1} of {count}\n")
    await client.close()
    return rows, refused


async def _heard(client: TranscriptionClient, dictation: Dictation, voice: Voice, noise: str) -> dict[str, Any]:
    path = voices.spoken(dictation.said, voice, noise)
    names = hotwords(dictation.medications)
    calls = [await client.ask(_request(path, kept)) for kept in (names, ())]
    first, second = (Transcript.model_validate_json(call.content) for call in calls)
    took = {"first_hearing_ms": round(calls[0].latency_ms), "second_hearing_ms": round(calls[1].latency_ms)}
    return _row(dictation, first, second) | {"voice": voice.name, "noise": noise} | took


def _row(dictation: Dictation, first: Transcript, second: Transcript) -> dict[str, Any]:
    noted, other = better(first, second)
    found = doubts(noted, other, dictation.medications)
    score, plain = scored(dictation, noted, found), scored(dictation, second, ())
    return {
        "seed": int(dictation.name[1:]),
        "name": dictation.name,
        "seconds": first.duration_s,
        "said": dictation.text,
        "heard": noted.text,
        "heard_without_names": second.text,
        "hearings": [hearing.model_dump(mode="json") for hearing in (first, second)],
        "marks": [doubt.model_dump() for doubt in found],
        "errors": score.errors,
        "errors_without_names": plain.errors,
        "of_words": score.said,
        "drugs": len(dictation.drugs),
        "drugs_heard": score.drugs_heard,
        "drugs_heard_without_names": plain.drugs_heard,
        "numbers": len(dictation.numbers),
        "numbers_changed": score.changed,
        "numbers_changed_unmarked": list(score.unmarked),
    }


def _again(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return kept runs as one, their hearings compared and scored as they are now."""
    rows = [
        row | _row(texts.made(row["seed"]), *(Transcript.model_validate(h) for h in row["hearings"]))
        for run in runs
        for row in run["rows"]
    ]
    refused = [name for run in runs for name in run.get("not_written_down", [])]
    machine, date = runs[0]["machine"], runs[-1]["date"]
    told = {"machine": machine, "date": date, "not_written_down": refused}
    return _told(rows, "; ".join(run["command"] for run in runs)) | told


def _request(path: Path, names: tuple[str, ...]) -> ChatRequest:
    recording = Recording(blob=str(path), media_type="audio/wav", hotwords=names)
    return ChatRequest(step="hear", messages=(), recording=recording, max_tokens=1000)


def _told(rows: list[dict[str, Any]], command: str) -> dict[str, Any]:
    def total(name: str, chosen: Sequence[dict[str, Any]] = rows) -> float:
        return sum(row[name] for row in chosen)

    def rates(chosen: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return {
            "dictations": len(chosen),
            "word_error_rate": round(total("errors", chosen) / total("of_words", chosen), 3),
            "word_error_rate_without_names": round(
                total("errors_without_names", chosen) / total("of_words", chosen), 3
            ),
            "drug_recall": round(total("drugs_heard", chosen) / total("drugs", chosen), 3),
            "drug_recall_without_names": round(total("drugs_heard_without_names", chosen) / total("drugs", chosen), 3),
            "numbers": int(total("numbers", chosen)),
            "numbers_changed": int(total("numbers_changed", chosen)),
            "marks_a_dictation": round(sum(len(row["marks"]) for row in chosen) / len(chosen), 2),
        }

    minutes = total("seconds") / 60
    groups = {f"{voice.name}, {noise}": [r for r in rows if (r["voice"], r["noise"]) == (voice.name, noise)]
              for voice in VOICES for noise in voices.NOISES}  # fmt: skip
    return {
        "command": command,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _output("git", "rev-parse", "--short", "HEAD"),
        "machine": report.machine(),
        **rates(rows),
        "numbers_changed_unmarked": sum(len(row["numbers_changed_unmarked"]) for row in rows),
        "seconds_a_minute_of_speech": round(total("first_hearing_ms") / 1000 / minutes, 1),
        "seconds_a_minute_of_speech_heard_twice": round(
            (total("first_hearing_ms") + total("second_hearing_ms")) / 1000 / minutes, 1
        ),
        "cpu_seconds_a_minute_of_speech_heard_twice": round(total("cpu_s") / minutes, 1),
        "memory_mb": max(row["memory_mb"] for row in rows),
        "why_marked": dict(Counter(mark["why"] for row in rows for mark in row["marks"])),
        "by_voice_and_noise": {name: rates(chosen) for name, chosen in groups.items() if chosen},
        "rows": rows,
    }


def _table(result: dict[str, Any]) -> str:
    left_out = {"rows", "by_voice_and_noise", "machine"}
    lines = [f"{name}: {value}" for name, value in result.items() if name not in left_out]
    lines += [f"{name}: {rates}" for name, rates in result["by_voice_and_noise"].items()]
    lines += [f"{row['name']} {row['voice']} {row['noise']}: {unmarked}"
              for row in result["rows"] for unmarked in row["numbers_changed_unmarked"]]  # fmt: skip
    return "\n".join(lines)


def _output(*argv: str) -> str:
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
