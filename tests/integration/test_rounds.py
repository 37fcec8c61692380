"""A round of tuning from files, on a model so small that it learns in seconds, with its worker and command killed."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from contracts.rounds import RoundsReport
from contracts.tuning import FitReport, VerdictOutcome
from infra import models
from tests.ward import NURSE, ROOT, Resource, observation

pytestmark = [pytest.mark.integration, pytest.mark.model, pytest.mark.timeout(900)]
WORDS = {"1": "arrest", "3": "fever", "5": "itch"}
CASES = 72
SMALL = ("layers=2", "epochs=10", "batch=4", "lr=0.02")


def wardflow(*argv: str) -> "subprocess.Popen[str]":
    command, env = [sys.executable, "-m", "service.commands.cli", "tune", *argv], os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=ROOT, text=True, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def answered(*argv: str, code: int = 0) -> Any:
    out, err = (process := wardflow(*argv, "--json")).communicate(timeout=600)
    assert process.returncode == code, err
    return json.loads(out) if code == 0 else err


def made_up(folder: Path) -> list[str]:
    """Write decided cases in which one word decides; nobody is a patient. Return the command that tunes on them."""
    levels = {f"made-{n}": list(WORDS)[n * 7 % 11 % 3] for n in range(CASES)}
    bundles = [
        _bundle(encounter, WORDS[level], 60 + number / 2) for number, (encounter, level) in enumerate(levels.items())
    ]
    lines = [json.dumps(bundle) for bundle in bundles]
    (folder / "cases.ndjson").write_text("\n".join(lines))
    with (folder / "decisions.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("case_id", "nurse_level"), *levels.items()])
    base = folder / "tiny"
    argv = [ROOT / models.VENV / models.PYTHON, "-m", "tests.fakes.tiny_model", base]
    tokenizer = ROOT / models.CACHE / models.MODEL_NAME
    subprocess.run([*argv, tokenizer, "1"], check=True, cwd=ROOT, env=os.environ | models.OFFLINE)
    run = ["run", "--cases", str(folder / "cases.ndjson"), "--decisions", str(folder / "decisions.csv")]
    settings = [word for setting in SMALL for word in ("--setting", setting)]
    return [*run, "--decision-column", "nurse_level", "--rounds", "2", "--base", str(base), *settings]


def _bundle(encounter: str, complaint: str, hr: float) -> Resource:
    start = "2026-01-05T08:00:00Z"
    arrived = {
        "resourceType": "Encounter",
        "id": encounter,
        "subject": {"reference": f"Patient/{encounter}"},
        "period": {"start": start},
    }
    told = [observation(encounter, "complaint", complaint), observation(encounter, "hr", hr)]
    resources = [arrived, *(one | {"effectiveDateTime": start} for one in told)]
    return {"resourceType": "Bundle", "entry": [{"resource": resource} for resource in resources]}


def until_said(process: "subprocess.Popen[str]", step: str) -> None:
    assert process.stderr
    for line in process.stderr:
        if step in line:
            return
    raise AssertionError(f"it ended before {step}")


def test_killed_at_any_step_the_rounds_go_on_and_train_nothing_twice(tmp_path: Path) -> None:
    run, state = made_up(tmp_path), tmp_path / "state"
    where = ["--state", str(state)]

    process = wardflow(*run, *where)
    until_said(process, "fit_model")
    jobs = state / "tuning" / "jobs"
    while not list(jobs.glob("*/checkpoint.pt")):
        time.sleep(0.1)
    os.kill(json.loads((state / "tuning" / "pids.json").read_text())["worker"], signal.SIGKILL)
    until_said(process, "judge_model")
    process.kill()  # the command itself, and so all that it had started
    process.communicate()
    trained = {path: path.stat().st_mtime_ns for path in jobs.glob("*/report.json")}
    assert len(trained) == 1
    assert FitReport.model_validate_json(next(iter(trained)).read_bytes()).resumed_from >= 10

    report = RoundsReport.model_validate(answered(*run, *where))
    assert [told.judged.outcome for told in report.rounds].count(VerdictOutcome.BETTER) >= 1
    assert report.champion in {told.name for told in report.rounds}
    assert {path: path.stat().st_mtime_ns for path in jobs.glob("*/report.json") if path in trained} == trained
    assert len(list(jobs.iterdir())) == len(report.rounds) == 2
    assert (state / "climb.png").read_bytes().startswith(b"\x89PNG")

    began = time.monotonic()
    assert RoundsReport.model_validate(answered(*run, *where)) == report
    assert time.monotonic() - began < 60, "it only reads the result"

    listed = answered("ls", *where)
    assert listed["models"][0]["verdict"] == "untuned"
    shown = answered("show", report.champion, *where)
    assert (
        shown["parent"] and shown["data_sha256"] and shown["evaluation"]["measured_against"].startswith("the decisions")
    )

    by = ["--by", NURSE, "--reason", "better on the held-out cases", *where]
    assert answered("promote", report.champion, *by) == {"champion": report.champion}
    assert "'nobody'" in answered("promote", report.champion, "--by", "nobody", "--reason", "x", *where, code=2)
    assert answered("rollback", *by) == {"champion": ""}
    adapter = state / shown["folder"] / "adapter" / "adapter_model.safetensors"
    adapter.write_bytes(adapter.read_bytes()[:-1] + b"x")
    assert "changed_on_disk" in answered("promote", report.champion, *by, code=2)
