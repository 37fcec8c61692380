"""The trainer's process is fed, heard, and ended with its caller; here a few lines of shell stand in for it."""

import asyncio
import os
from pathlib import Path

import pytest

from contracts.errors import TuningError
from contracts.model_calls import ChatRequest, Message
from tuning import trainer

REQUEST = ChatRequest(step="judge", messages=(Message(role="user", content="?"),), choices=("1", "2"), max_tokens=4)
REPORT = '{"probabilities":[[0.25,0.75]],"seconds":1,"cpu_seconds":1}'


def python(folder: Path, script: str) -> Path:
    """Return an interpreter that runs this script, whatever it is given."""
    made = folder / "python"
    made.write_text(f"#!/bin/sh\n{script}\n")
    made.chmod(0o755)
    return made


async def scored(python: Path, told: list[dict[str, float]]) -> list[list[float]]:
    return await trainer.score(python, Path("model"), [REQUEST], told.append)


async def test_progress_is_passed_on_and_the_report_returned(tmp_path: Path) -> None:
    told: list[dict[str, float]] = []
    script = f"""cat > {tmp_path}/job; echo '{{"step": 1, "of": 2}}'; echo '{{"step": 2, "of": 2}}'; echo '{REPORT}'"""
    assert await scored(python(tmp_path, script), told) == [[0.25, 0.75]]
    assert told == [{"step": 1, "of": 2}, {"step": 2, "of": 2}]
    assert '"model":"model"' in (tmp_path / "job").read_text()


@pytest.mark.parametrize(("code", "kind", "retryable"), [(2, "bad_job", False), (1, "trainer_ended", True)])
async def test_a_fault_is_told_by_its_last_line(tmp_path: Path, code: int, kind: str, retryable: bool) -> None:
    with pytest.raises(TuningError, match=f"{kind}: what is wrong$") as fault:
        await scored(python(tmp_path, f"echo noise >&2; echo what is wrong >&2; exit {code}"), [])
    assert (fault.value.kind, fault.value.retryable) == (kind, retryable)


async def test_an_end_without_a_report_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(TuningError, match="no_report"):
        await scored(python(tmp_path, """cat > /dev/null; echo '{"step": 1, "of": 2}'"""), [])


async def test_a_cancelled_caller_leaves_no_process(tmp_path: Path) -> None:
    told: list[dict[str, float]] = []
    script = f"""echo $$ > {tmp_path}/pid; echo '{{"step": 1, "of": 2}}'; exec sleep 600"""
    waiting = asyncio.create_task(scored(python(tmp_path, script), told))
    while not told:
        await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
