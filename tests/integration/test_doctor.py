"""`wardflow doctor` says what is wrong, and what to do."""

import json
import subprocess
import sys

import pytest

from service.process import health
from tests.ward import ROOT, Ward

pytestmark = pytest.mark.integration


def look(ward: Ward) -> tuple[int, dict[str, set[str]]]:
    argv = [sys.executable, "-m", "service.commands.cli", "doctor", "--state", str(ward.state), "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, timeout=60)
    told: dict[str, set[str]] = {}
    for finding in json.loads(done.stdout):
        told.setdefault(finding["part"], set()).add(finding["verdict"])
    return done.returncode, told


def test_a_running_ward_is_well(ward: Ward) -> None:
    ward.settled()
    # a process that was paused for some seconds is not live to a look at that moment
    code, told = ward.until(lambda: (seen := look(ward))[0] == 0 and seen[1]["feed"] == {"OK"} and seen, 60)
    assert (code, {part for part, verdicts in told.items() if "FAIL" in verdicts}) == (0, set())
    asked = {"ledger", "backup", "temporal", "redis", "fhir", "clock", "feed", "models", "sandbox", "keys", "files"}
    assert asked | set(health.PROCESSES) == set(told)
    assert (
        told["fhir"] == told["temporal"] == told["feed"] == told["keys"] == told["files"] == told["watchdog"] == {"OK"}
    )


def test_parts_that_are_away_and_keys_that_lie_open_are_told(ward: Ward) -> None:
    parts, keys = ward.state / "parts.json", ward.state / "keys.json"
    before = parts.read_text()
    away = {"fhir_url": "http://127.0.0.1:9/fhir", "redis_url": "redis://127.0.0.1:9/0", "temporal": "127.0.0.1:9"}
    parts.write_text(json.dumps(json.loads(before) | away))
    keys.chmod(0o644)
    try:
        code, told = look(ward)
    finally:
        parts.write_text(before)
        keys.chmod(0o600)
    assert code == 1
    assert told["fhir"] == told["temporal"] == told["keys"] == {"FAIL"} and told["redis"] == {"WARN"}
