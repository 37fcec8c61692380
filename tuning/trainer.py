"""Starts the trainer in the model environment, tells how it gets on, and ends it with its caller."""

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from contracts.errors import TuningError
from contracts.frozen import Frozen
from contracts.model_calls import ChatRequest, ModelCall
from contracts.tuning import AgreementJob, AgreementReport, FitJob, FitReport, ScoreJob, ScoreReport

ROOT = Path(__file__).resolve().parents[1]
LINE_BYTES = 1 << 26
"""Most that a report may have: `score` tells of every case in one line."""
BAD_JOB = 2
OFFLINE = {"HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1", "TRANSFORMERS_VERBOSITY": "error"}
Report = TypeVar("Report", bound=Frozen)
Progress = Callable[[dict[str, float]], None]
"""Called with `step`, `of`, and where they are known `epoch`, `loss`, `eta_s`."""


async def fit(python: Path, job: FitJob, progress: Progress) -> FitReport:
    """Train; a job that was broken off goes on from its checkpoint. Raises TuningError."""
    return await _run(python, "fit", job, FitReport, progress)


async def score(python: Path, model: Path, requests: Sequence[ChatRequest], progress: Progress) -> list[list[float]]:
    """Return the model's probability of each choice, request by request, without a server. Raises TuningError."""
    job = ScoreJob(model=str(model), requests=tuple(requests))
    report = await _run(python, "score", job, ScoreReport, progress)
    return [list(row) for row in report.probabilities]


async def agreement(python: Path, model: Path, calls: Sequence[ModelCall], progress: Progress) -> AgreementReport:
    """Return how well the trainer recomputes what the model's server said. Raises TuningError."""
    job = AgreementJob(model=str(model), calls=tuple(calls))
    return await _run(python, "agreement", job, AgreementReport, progress)


async def _run(python: Path, mode: str, job: Frozen, report: type[Report], progress: Progress) -> Report:
    process = await asyncio.create_subprocess_exec(
        python, "-m", "tuning.train", mode, cwd=ROOT, env=os.environ | OFFLINE | {"PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        limit=LINE_BYTES,
    )  # fmt: skip
    assert process.stdin and process.stdout and process.stderr
    complaint = asyncio.create_task(_last_line(process.stderr))
    try:
        feeding = asyncio.create_task(_feed(process.stdin, job.canonical()))
        last = b""
        async for last in process.stdout:
            told = json.loads(last)
            if "step" in told:
                progress(told)
        await feeding
        if await process.wait() == 0:
            return _report(report, last)
        kind = "bad_job" if process.returncode == BAD_JOB else "trainer_ended"
        raise TuningError(kind, await complaint, retryable=kind != "bad_job")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await complaint


def _report(report: type[Report], line: bytes) -> Report:
    try:
        return report.model_validate_json(line)
    except ValidationError:
        raise TuningError("no_report", "the trainer ended without one", retryable=True) from None


async def _feed(pipe: asyncio.StreamWriter, job: bytes) -> None:
    try:
        pipe.write(job)
        await pipe.drain()
        pipe.close()
    except (BrokenPipeError, ConnectionResetError):
        pass  # it ended without reading; how it ended says why


async def _last_line(pipe: asyncio.StreamReader) -> str:
    last = ""
    async for line in pipe:
        last = line.decode(errors="replace").strip() or last
    return last
