"""Asks the process of the classical estimator, which runs in the model environment."""

import asyncio
import json
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path

from contracts.classical import CrossFitJob, ScoreJob, Told
from contracts.errors import TuningError
from contracts.frozen import Frozen
from contracts.tuning import FitJob, FitReport

ROOT = Path(__file__).resolve().parents[1]
LINE_BYTES = 2**28  # an answer is one line
Progress = Callable[[str], None]


async def fit(python: Path, job: FitJob, told: Progress) -> FitReport:
    """Fit the estimator. Raises TuningError."""
    return FitReport.model_validate_json(await _answer(python, "fit", job, told))


async def score(python: Path, job: ScoreJob, told: Progress) -> Told:
    """Ask a fitted estimator. Raises TuningError."""
    return Told.model_validate_json(await _answer(python, "score", job, told))


async def cross_fit(python: Path, job: CrossFitJob, told: Progress) -> Told:
    """Ask about each row an estimator that did not learn from it. Raises TuningError."""
    return Told.model_validate_json(await _answer(python, "cross_fit", job, told))


async def _answer(python: Path, task: str, job: Frozen, told: Progress) -> bytes:
    argv = (str(python.absolute()), "-m", "tuning.classical", task)
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=ROOT, limit=LINE_BYTES
        )
    except FileNotFoundError:
        raise TuningError("no_model_environment", f"{python} is missing: `make models`") from None
    try:
        _, errors, last = await asyncio.gather(_sent(process, job), _read(process), _last(process, told))
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
    if code:
        said = errors.decode(errors="replace").strip().splitlines()
        raise TuningError("classical", said[-1] if said else f"ended with {code}")
    return last


async def _sent(process: asyncio.subprocess.Process, job: Frozen) -> None:
    assert process.stdin
    process.stdin.write(job.canonical())
    await process.stdin.drain()
    process.stdin.close()


async def _read(process: asyncio.subprocess.Process) -> bytes:
    assert process.stderr
    return await process.stderr.read()


async def _last(process: asyncio.subprocess.Process, told: Progress) -> bytes:
    assert process.stdout
    last = b""
    async for line in process.stdout:
        last = line
        if line.startswith(b'{"progress"'):
            told(json.loads(line)["progress"])
    return last
