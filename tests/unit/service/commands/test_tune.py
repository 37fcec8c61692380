"""What `wardflow tune` refuses before it starts anything."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.commands import cli, console


def test_rounds_of_the_classical_estimator_are_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(status: int) -> None:
        raise SystemExit(status)

    monkeypatch.setattr(console, "leave", leave)  # the real one ends the process at once
    state, cases = tmp_path / "state", tmp_path / "cases.ndjson"
    cases.touch()
    asked = ["--kind", "classical", "--cases", str(cases), "--decisions", str(cases), "--state", str(state)]
    ended = CliRunner().invoke(cli.command_line(), ["tune", "run", *asked])
    assert ended.exit_code == 2
    assert ended.stderr.startswith("wardflow: kind: ") and ended.stderr.count("\n") == 1
    assert not ended.stdout and not state.exists()
