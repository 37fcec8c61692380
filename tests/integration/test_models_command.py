"""`wardflow models` on a running stack, and a budget that is spent while patients arrive."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from integrations.ledger import tables
from tests.fakes.model_server import ModelServer, model_config
from tests.ward import NURSE, ROOT, Ward

pytestmark = pytest.mark.integration
PAID = "cost_1000_tokens = 1.0\nbudget_a_day = 1.0\n"


@pytest.fixture(scope="module")
def paying(tmp_path_factory: pytest.TempPathFactory, model: ModelServer) -> Iterator[Ward]:
    ward = Ward(tmp_path_factory.mktemp("paying"), extra=model_config(model) + PAID).start()
    yield ward
    ward.stop()


def wardflow(ward: Ward, *words: str) -> tuple[int, Any]:
    argv = [sys.executable, "-m", "service.commands.cli", "models", *words, "--state", str(ward.state), "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_roles_are_listed_and_asked_about_nobody(paying: Ward, model: ModelServer) -> None:
    code, rows = wardflow(paying, "ls")
    reasoning, programs = (next(row for row in rows if row["role"] == role) for role in ("reasoning", "code"))
    assert code == 0 and reasoning["state"] == "serving" and reasoning["latency_ms"] > 0
    assert (reasoning["endpoint"], reasoning["budget_a_day"], reasoning["phi"]) == (model.url, 1.0, "allowed")
    assert programs["state"] == "not configured"

    code, asked = wardflow(paying, "test", "reasoning")
    assert code == 0 and {one["step"] for one in asked} == {"judge", "explain"}
    assert asked[0]["answer"] == model.level and asked[0]["tokens"] > 0

    model.mode = "failing"
    code, asked = wardflow(paying, "warm")
    assert code == 1 and {one["fault"] for one in asked} == {"unreachable"}
    model.mode = "good"


def test_a_role_that_is_not_there_or_stopped_is_told_in_a_line(paying: Ward) -> None:
    def said(role: str) -> tuple[int, str]:
        argv = [sys.executable, "-m", "service.commands.cli", "models", "test", role, "--state", str(paying.state)]
        done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, timeout=60)
        return done.returncode, done.stderr

    assert said("code") == (2, "wardflow: role: no model for code: see `wardflow models ls`\n")
    switch = [sys.executable, "-m", "service.commands.cli", "stop", "--model", "reasoning", "--by", NURSE]
    subprocess.run([*switch, "--state", str(paying.state)], check=True, cwd=ROOT, capture_output=True)
    assert said("reasoning") == (2, f"wardflow: stopped: {NURSE} stopped it: `wardflow start` ends that\n")
    switch[3] = "start"
    subprocess.run([*switch, "--state", str(paying.state)], check=True, cwd=ROOT, capture_output=True)


def test_when_the_budget_is_spent_cases_go_by_rules_it_is_audited_once_and_shown(
    paying: Ward, model: ModelServer
) -> None:
    for number in range(20):
        row = paying.suggested(paying.admit(f"paid-{number}", hr=80))
        if row["made_by"] == "rules":
            break
        assert paying.decide(row).status_code == 200
    assert row["made_by"] == "rules"
    asked = model.asked["judge"]
    again = paying.suggested(paying.admit("paid-again", hr=80))
    assert again["made_by"] == "rules" and model.asked["judge"] == asked
    assert "RULES ONLY: model spent" in paying.page().get(f"/cases/{again['case_id']}").text
    assert "budget of model reasoning is spent" in paying.page().get("/").text
    with paying.world.records.db.read() as tx:
        told = [row for row in tx.scalars(sa.select(tables.audit.c.record)) if "budget of the day is spent" in row]
    assert len(told) == 1
    code, rows = wardflow(paying, "ls")
    assert code == 0 and next(row for row in rows if row["role"] == "reasoning")["spent_today"] >= 1.0
