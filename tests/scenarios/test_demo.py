"""`wardflow demo` as a newcomer runs it, with the real model, while worker and Temporal are killed once each."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from contracts.errors import Fallback
from infra import stack
from infra.ports import Ports
from integrations.blobs.store import BlobStore
from service.process import settings
from service.process.secrets import load_secrets
from tests.measure.oracle import account, chart
from tests.measure.oracle.account import Fate
from tests.measure.prove import records
from tests.ward import ROOT

pytestmark = pytest.mark.integration
ARRIVALS = 8


@pytest.mark.model
@pytest.mark.timeout(900)
def test_the_demo_accounts_for_everything_although_parts_are_killed(tmp_path: Path) -> None:
    state = tmp_path / "state"
    argv = [sys.executable, "-m", "service.commands.cli", "demo", "--limit", str(ARRIVALS), "--decide", "simulated"]
    argv += ["--models", "--check", "--json", "--state", str(state), "--seed", "7"]
    with (tmp_path / "told").open("wb") as told:
        demo = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=told, cwd=ROOT)
    for part, after in (("worker", 2), ("temporal", 5)):
        while demo.poll() is None and _suggested(state) < after:
            time.sleep(0.2)
        os.kill(json.loads((state / "pids.json").read_text())[part], signal.SIGKILL)
    out, _ = demo.communicate(timeout=800)
    assert demo.returncode == 0, (tmp_path / "told").read_text()
    result = json.loads(out.decode().splitlines()[-1])
    assert result["events"]["unaccounted"] == result["cases"]["unaccounted"] == result["unaccounted"] == 0
    assert result["cases"]["opened"] == result["trajectories"] >= ARRIVALS
    assert result["with_model"] >= result["suggestions"] / 3, "how many more depends on the machine"
    assert set(result["by_rules"]) <= set(Fallback), "each of the others says why"
    report = _accounted(state)
    print(f"\n{account.attention_line(report)}")
    assert report.findings == []
    assert report.counts[Fate.DECIDED], "nobody had to decide on anything"


def test_a_demo_that_is_killed_takes_its_parts_along(tmp_path: Path) -> None:
    state = tmp_path / "state"
    argv = [sys.executable, "-m", "service.commands.cli", "demo", "--no-models", "--state", str(state)]
    with (tmp_path / "told").open("wb") as told:
        demo = subprocess.Popen(argv, stdout=told, stderr=told, cwd=ROOT)
    end = time.monotonic() + 60
    while len(pids := _pids(state)) < 4 and time.monotonic() < end:
        time.sleep(0.1)
    assert len(pids) >= 4, (tmp_path / "told").read_text()
    demo.kill()
    demo.wait()
    end = time.monotonic() + 60
    while (alive := [pid for pid in _pids(state).values() if Path(f"/proc/{pid}").exists()]) and time.monotonic() < end:
        time.sleep(0.1)
    assert alive == []


def _accounted(state: Path) -> account.Report:
    """Return what the clinical oracle makes of the demo's chart, whose server is started once more, and its ledger."""
    secrets = load_secrets(state)
    told = records.ledger(
        state / settings.LEDGER_FILE, BlobStore.at(str(state / settings.BLOBS_FOLDER), secrets.keyring())
    ).told_to_people
    with Ports() as reserved:
        (server,) = [part for part in stack.prepare(state, reserved) if part.name == "fhir"]
        server.start(state / "logs")
        try:
            stack.wait(server, [], state / "logs")
            url = json.loads((state / "parts.json").read_text())["fhir_url"]
            read = chart.read(url, secrets.fhir_token.get_secret_value())
        finally:
            server.stop()
    return account.check(read, told.cases, told.shown, told.decisions)


def _pids(state: Path) -> dict[str, int]:
    try:
        return json.loads((state / "pids.json").read_text())
    except (FileNotFoundError, ValueError):  # not there yet, or half written
        return {}


def _suggested(state: Path) -> int:
    ledger = state / "ledger.db"
    if not ledger.exists():
        return 0
    with sqlite3.connect(ledger) as connection:
        try:
            count = connection.execute("select count(*) from runs").fetchone()[0]
        except sqlite3.OperationalError:
            count = 0
    connection.close()
    return count
