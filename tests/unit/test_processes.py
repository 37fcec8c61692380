"""A part that keeps failing is started less and less often; one that was killed is started again at once."""

import signal
import sys
from pathlib import Path

import pytest

from infra.processes import Part


@pytest.mark.parametrize("killed", [False, True])
def test_the_fourth_start_waits_only_where_the_part_itself_failed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], killed: bool
) -> None:
    program = "import time; time.sleep(60)" if killed else "raise SystemExit(3)"
    part = Part("part", [sys.executable, "-c", program], lambda: True)
    part.start(tmp_path)
    for _ in range(4):
        if part.ended():  # what waits for its time is started by hand
            part.start(tmp_path)
        assert part.process
        if killed:
            part.process.send_signal(signal.SIGKILL)
        part.process.wait(10)
        part.keep(tmp_path)
    told = capfd.readouterr().err.splitlines()
    assert ("again in 7 s" in told[-1]) is not killed, told
    assert part.ended() is not killed
    part.stop()
