"""Two dispatchers on one state: one works, the other takes over within 5 s of its death or pause."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integrations.ledger import leases
from service.dispatcher.leadership import NAME
from tests.ward import ROOT, Ward

pytestmark = pytest.mark.integration
TAKEN_OVER_S = 5.0


class Second:
    """A dispatcher beside the one of the stack, on a port of its own."""

    def __init__(self, ward: Ward, folder: Path) -> None:
        self.log = folder / "second.log"
        state = folder / "state"  # the same parts but for the port
        state.mkdir()
        for name in ("keys.json", "wardflow.toml"):
            (state / name).symlink_to(ward.state / name)
        parts = json.loads((ward.state / "parts.json").read_text()) | {"dispatcher_port": 0}
        (state / "parts.json").write_text(json.dumps(parts))
        argv = [sys.executable, "-m", "service.commands.cli", "dispatcher", "--state", str(state)]
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                argv, stdout=out, stderr=out, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}
            )

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    made = Ward(tmp_path / "ward").start()
    yield made
    made.stop()


@pytest.fixture
def second(ward: Ward, tmp_path: Path) -> Iterator[Second]:
    made = Second(ward, tmp_path)
    ward.until(lambda: starts(made.log) == 1, 60)
    yield made
    made.stop()


def lines(log: Path, event: str) -> list[dict[str, Any]]:
    return [
        line
        for text in log.read_text().splitlines()
        if text.startswith("{") and (line := json.loads(text))["event"] == event
    ]


def starts(log: Path) -> int:
    return log.read_text().count("Application startup complete")


def number(ward: Ward) -> int:
    with ward.world.records.db.read() as tx:
        found = leases.find(tx, NAME)
    return found.lease.number if found else 0


def test_another_takes_over_from_one_that_is_killed_or_paused_and_redis_is_no_need(ward: Ward, second: Second) -> None:
    ward.suggested(ward.admit("before"))
    assert number(ward) == 1 and not lines(second.log, "lease_taken")

    with ward.frozen("stack"):  # which would start it again before its lease has ended
        ward.kill("dispatcher")
        killed = time.monotonic()
        ward.until(lambda: number(ward) == 2, 10)
        assert time.monotonic() - killed < TAKEN_OVER_S
        ward.until(lambda: lines(second.log, "lease_taken"))
    ward.suggested(ward.admit("after-kill"))
    first = ward.state / "logs" / "dispatcher.log"
    ward.until(lambda: starts(first) == 2, 60)
    opened = len(lines(first, "case_opened"))

    paused = second.process.pid  # beyond its lease
    ward.until(lambda: ward.hold(paused))
    held = time.monotonic()
    ward.until(lambda: number(ward) == 3, 10)
    assert time.monotonic() - held < TAKEN_OVER_S
    ward.suggested(ward.admit("while-paused"))
    assert len(lines(first, "case_opened")) > opened
    before = len(lines(second.log, "case_opened"))
    os.kill(paused, signal.SIGCONT)
    ward.until(lambda: lines(second.log, "lease_lost"))
    ward.kill("valkey")
    ward.suggested(ward.admit("after-pause"), seconds=60)
    assert len(lines(second.log, "case_opened")) == before and number(ward) == 3
    ward.settled()
    assert ward.audit().findings == ()
