"""What `wardflow doctor` makes of a ledger's disk, its backups and the processes' signs."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agents.pathway import NoReference, NoSandbox
from contracts.calculations import Calculation
from integrations import clock
from integrations.ledger import marks, signs_of_life
from integrations.ledger.database import Database
from service.operate import doctor, recovery
from service.process import health
from service.process.settings import TimingSettings

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("mounts", "said"),
    [
        ("/dev/vda / ext4 rw,relatime 0 0\n", None),
        ("/dev/vda / ext4 rw 0 0\ntmpfs {state} tmpfs rw,size=6m 0 0\n", "tmpfs"),
        ("tmpfs / tmpfs rw 0 0\n/dev/vdb {state} ext4 rw 0 0\n", None),
        ("/dev/vda / ext4 rw,nobarrier 0 0\n", "nobarrier"),
        ("tmpfs {state}/../sta tmpfs rw 0 0\n", None),
        ("", None),
    ],
)
def test_a_disk_that_forgets_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mounts: str, said: str | None
) -> None:
    state = (tmp_path / "state").resolve()
    state.mkdir()
    (tmp_path / "mounts").write_text(mounts.format(state=state).replace("/state/..", ""))
    monkeypatch.setattr(doctor, "MOUNTS", tmp_path / "mounts")
    assert doctor.volatile_option(state) == said


@pytest.mark.parametrize(("hours", "verdict"), [(None, "WARN"), (1, "OK"), (25, "WARN"), (24 * 8, "FAIL")])
def test_an_old_backup_is_told_the_more_urgently_the_older(db: Database, hours: int | None, verdict: str) -> None:
    if hours is not None:
        with db.write() as tx:
            marks.set_mark(tx, recovery.BACKED_UP, (clock.now() - hours * HOUR).isoformat())
    world: Any = SimpleNamespace(records=SimpleNamespace(db=db))
    (finding,) = doctor.backup(world)
    assert finding.verdict == verdict
    assert (f"{hours} h ago" if hours else "none was ever taken") in finding.told


def test_each_process_that_is_silent_is_a_failure(db: Database) -> None:
    with db.write() as tx:
        signs_of_life.give(tx, {"gateway": clock.now(), "worker": clock.now() - HOUR})
    world, settings = SimpleNamespace(records=SimpleNamespace(db=db)), SimpleNamespace(timing=TimingSettings())
    given: Any = (settings, world)
    found = {finding.part: finding for finding in doctor.process_signs(*given)}
    assert set(found) == set(health.PROCESSES)
    assert [part for part, finding in found.items() if finding.verdict == "OK"] == ["gateway"]
    assert "silent for 3600 s" in found["worker"].told and "never gave a sign" in found["watchdog"].told


@pytest.mark.parametrize(("code", "said"), [(False, {"sandbox"}), (True, {"sandbox", "reference"})])
async def test_walls_and_a_reference_that_are_missing_are_told_where_they_matter(code: bool, said: set[str]) -> None:
    models = {"code": None} if code else {}
    world: Any = SimpleNamespace(calculator=NoSandbox(), reference=NoReference(), models=models)
    found = await doctor.calculations(world)
    assert {finding.part for finding in found} == said and {finding.verdict for finding in found} == {"WARN"}
    assert "left to people" in found[0].told


async def test_walls_and_a_reference_that_work_are_well() -> None:
    class Works(NoSandbox, NoReference):
        async def run(self, program: str, inputs: dict[str, float]) -> Calculation:
            return Calculation(program=program, inputs=inputs, outputs={"y": 1.0}, seconds=0.0)

        async def result(self, name: str, inputs: dict[str, float]) -> float | None:
            return 16.0

    world: Any = SimpleNamespace(calculator=Works(), reference=Works(), models={"code": None})
    assert [finding.verdict for finding in await doctor.calculations(world)] == ["OK", "OK"]


def test_a_state_that_others_can_read_is_named_with_the_command(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{}")
    (tmp_path / "keys.json").chmod(0o640)
    for mode, verdict in ((0o755, "FAIL"), (0o750, "FAIL"), (0o700, "WARN")):
        tmp_path.chmod(mode)
        (finding,) = doctor.state_files(tmp_path)
        assert finding.verdict == verdict and f"chmod -R go= {tmp_path}" in finding.fix
    (tmp_path / "keys.json").chmod(0o600)
    (finding,) = doctor.state_files(tmp_path)
    assert finding.verdict == "OK"
