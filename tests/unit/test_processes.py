"""A part that keeps failing is started less and less often; one that was killed is started again at once."""

import signal
import sys
from pathlib import Path

import pytest

from infra.processes import Part

FAILS, WORKS = "raise SystemExit(3)", "import time; time.sleep(60)"


def ended(part: Part, logs: Path, *, kill: bool) -> None:
    part.start(logs)
    assert part.process
    if kill:
        part.process.send_signal(signal.SIGKILL)
    part.process.wait(10)


@pytest.mark.parametrize(("program", "kill", "waits"), [(FAILS, False, 7.0), (WORKS, True, 0.0)])
def test_the_fourth_start_waits_only_where_the_part_itself_failed(
    tmp_path: Path, program: str, kill: bool, waits: float, capfd: pytest.CaptureFixture[str]
) -> None:
    part = Part("part", [sys.executable, "-c", program], lambda: True)
    for _ in range(4):
        ended(part, tmp_path, kill=kill)
        part.keep(tmp_path)
    told = capfd.readouterr().err.splitlines()[-1]
    assert ("again in 7 s" in told) is (waits == 7.0), told
    if part.process and part.process.poll() is None:
        part.stop()
