"""A person stops a model, and every case goes by rules and people until it is started again (I14)."""

import subprocess
import sys

import pytest

from integrations.ledger import tables
from tests.ward import ROOT, Ward

pytestmark = pytest.mark.integration


def turn(ward: Ward, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "service.commands.cli", *words, "--state", str(ward.state)]
    return subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, timeout=60)


@pytest.mark.parametrize("what", [("--model", "reasoning"), ("--pathway", "ed_triage")])
def test_what_is_stopped_falls_to_rules_and_joins_again(ward: Ward, what: tuple[str, str]) -> None:
    assert turn(ward, "stop", *what, "--by", "n-okafor").returncode == 0
    try:
        stopped = ward.suggested(ward.admit(f"stopped{what[0]}", hr=80))
        assert stopped["made_by"] == "rules"
        page = ward.page().get(f"/cases/{stopped['case_id']}").text
        assert "RULES ONLY: model stopped" in page
        assert f"STOPPED: {what[0][2:]} {what[1]} (by n-okafor)" in page
    finally:
        assert turn(ward, "start", *what, "--by", "n-okafor").returncode == 0
    started = ward.suggested(ward.admit(f"started{what[0]}", hr=80))
    assert started["made_by"] == "model"
    with ward.world.records.db.read() as tx:
        records = [row.record for row in tx.execute(tables.audit.select().where(tables.audit.c.chain == "cli"))]
    assert any('"stop"' in r and "person:n-okafor" in r for r in records) and any('"start"' in r for r in records)
    for row in (stopped, started):
        ward.decide(row)


def test_a_wrong_name_is_refused_in_words(ward: Ward) -> None:
    for words in (
        ("--model", "reasoning", "--by", "nobody"),
        ("--model", "poetry", "--by", "n-okafor"),
        ("--by", "n-okafor"),
    ):
        refused = turn(ward, "stop", *words)
        assert refused.returncode == 2 and "model:reasoning" in refused.stderr
