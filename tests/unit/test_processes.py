"""A part that keeps failing is started less and less often; one that was killed is started again at once."""

import signal
import sys
import time
from pathlib import Path

import pytest

from infra import processes
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


def test_a_log_is_bounded_while_its_process_goes_on_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MOST_LOG_BYTES", 1000)
    program = "import sys, time\nwhile True: print('x' * 99, flush=True); time.sleep(0.001)"
    part = Part("part", [sys.executable, "-c", program], lambda: True)
    part.start(tmp_path)
    end = time.monotonic() + 20
    while not (tmp_path / f"part.log.{processes.KEPT_LOGS}").exists() and time.monotonic() < end:
        time.sleep(0.01)
        processes.rotate(tmp_path)
    part.stop()
    processes.rotate(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"part.log", *(f"part.log.{n}" for n in range(1, processes.KEPT_LOGS + 1))}
    assert (tmp_path / "part.log").stat().st_size < 1000
    assert b"\0" not in (tmp_path / "part.log.1").read_bytes(), "it goes on at the beginning of the emptied file"
