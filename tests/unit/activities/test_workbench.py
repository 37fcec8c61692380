"""A model is named by the code that made it, wherever that lies."""

from pathlib import Path

import pytest

from activities import workbench


@pytest.mark.parametrize(
    ("changed", "another"),
    [
        ("agents/level_graph.py", True),
        ("agents/ed_triage/prompts.py", True),
        ("tuning/verdict.py", True),
        ("contracts/charts.py", True),
        ("agents/result_followup/rules.py", False),
        ("agents/ed_triage/notes.txt", False),
    ],
)
def test_what_makes_a_model_is_in_its_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str, another: bool
) -> None:
    monkeypatch.setattr(workbench, "__file__", str(tmp_path / "activities" / "workbench.py"))
    file = tmp_path / changed
    file.parent.mkdir(parents=True)
    file.write_text("before")
    before = workbench.code_sha256("ed_triage")
    file.write_text("after")
    assert (workbench.code_sha256("ed_triage") != before) == another
