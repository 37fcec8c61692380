"""Both ends of a process of the model environment: a job on its standard input, then progress and, last, its answer.

Lines are JSON; those of progress begin with `step`. A bad job ends with exit code 2 and one line on standard error.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO, TypeVar

from pydantic import ValidationError

from contracts.errors import TuningError, TuningFault
from contracts.frozen import Frozen

ROOT = Path(__file__).resolve().parents[1]
LINE_BYTES = 2**28
"""Most that an answer may have: it tells of every case in one line."""
BAD_JOB = 2
PROGRESS = b'{"step"'
OFFLINE = {"HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1", "TRANSFORMERS_VERBOSITY": "error"}
Answer = TypeVar("Answer", bound=Frozen)
Tell = Callable[[dict[str, float]], None]
"""Called with `step`, `of`, and where they are known `epoch`, `loss`, `eta_s`."""
Modes = Mapping[str, tuple[type[Frozen], Callable[[Any, Tell], Frozen]]]
"""What a process can do: the job that it takes, and what makes the answer."""


async def run(python: Path, module: str, mode: str, job: Frozen, answer: type[Answer], tell: Tell) -> Answer:
    """Have a process do the job, and end it with its caller.

    Raises TuningError, retryable where the job is not at fault.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            python.absolute(), "-m", module, mode, cwd=ROOT, env=os.environ | OFFLINE | {"PYTHONPATH": str(ROOT)},
            stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=LINE_BYTES,
        )  # fmt: skip
    except FileNotFoundError:
        raise TuningError(TuningFault.NO_MODEL_ENVIRONMENT, f"{python} is missing: `make models`") from None
    assert process.stdin and process.stdout and process.stderr
    complaint = asyncio.create_task(_last_line(process.stderr))
    try:
        feeding = asyncio.create_task(_feed(process.stdin, job.canonical()))
        last = b""
        async for last in process.stdout:
            if last.startswith(PROGRESS):
                tell(json.loads(last))
        await feeding
        if await process.wait() == 0:
            return _answer(answer, last)
        kind = TuningFault.BAD_JOB if process.returncode == BAD_JOB else TuningFault.TRAINER_ENDED
        raise TuningError(kind, await complaint, retryable=kind != TuningFault.BAD_JOB)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await complaint


def serve(modes: Modes) -> int:
    """Do the job that this process was given, `fit` unless its argument names another mode; return the exit code."""
    # What a library prints must not stand between the lines of progress.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return do(modes, sys.argv[1] if len(sys.argv) > 1 else "fit", sys.stdin.buffer.read(), out)


def do(modes: Modes, mode: str, job: bytes, out: TextIO) -> int:
    """Do one job and return the exit code."""

    def say(line: str) -> None:
        out.write(line + "\n")
        out.flush()

    try:
        type_, work = modes[mode]
        say(work(type_.model_validate_json(job), lambda progress: say(json.dumps(progress))).model_dump_json())
    except ValidationError as refused:
        first = refused.errors(include_input=False, include_url=False)[0]
        sys.stderr.write(f"{TuningFault.BAD_JOB}: {'.'.join(map(str, first['loc']))}: {first['msg']}\n")
        return BAD_JOB
    except TuningError as refused:
        sys.stderr.write(f"{refused}\n")
        return BAD_JOB
    return 0


def _answer(answer: type[Answer], line: bytes) -> Answer:
    try:
        return answer.model_validate_json(line)
    except ValidationError:
        raise TuningError(TuningFault.NO_REPORT, "the trainer ended without one", retryable=True) from None


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
