"""The name of a version, and what the doctor says of versions that no worker runs."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

import workflows
from integrations import clock
from service.operate import doctor
from service.operate.doctor import Verdict
from service.process import versions
from service.process.versions import Version


def test_a_changed_workflow_is_another_version_and_the_same_code_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = versions.build_of_code()
    copied = shutil.copytree(Path(workflows.__path__[0]), tmp_path / "workflows")
    monkeypatch.setattr(workflows, "__path__", [str(copied)])
    assert versions.build_of_code() == before
    policies = copied / "policies.py"
    policies.write_text(policies.read_text() + "\n")
    assert versions.build_of_code() != before


def version(build: str, *, current: bool = False, silent_s: float | None = 1.0) -> Version:
    moment = clock.now()
    beat = None if silent_s is None else moment - timedelta(seconds=silent_s)
    return Version(build=build, made_at=moment, current=current, heartbeat=beat)


def told(*served: tuple[Version, int]) -> list[tuple[Verdict, str]]:
    return [(finding.verdict, finding.told) for finding in doctor.version_findings(list(served))]


def test_versions_are_well_when_the_current_one_has_a_worker_and_nobody_waits_on_another() -> None:
    ((verdict, said),) = told((version("new", current=True), 0), (version("old", silent_s=None), 0))
    assert verdict == Verdict.OK and "new" in said


@pytest.mark.parametrize("silent_s", [None, 31.0])
def test_cases_of_a_version_without_a_worker_are_told(silent_s: float | None) -> None:
    _, (verdict, said) = told((version("new", current=True), 0), (version("old", silent_s=silent_s), 3))
    assert verdict == Verdict.FAIL and "3 cases wait on version old" in said


@pytest.mark.parametrize("served", [[], [(version("old"), 2)], [(version("new", current=True, silent_s=None), 0)]])
def test_it_is_told_when_no_worker_takes_new_cases(served: list[tuple[Version, int]]) -> None:
    assert told(*served)[0][0] == Verdict.FAIL
