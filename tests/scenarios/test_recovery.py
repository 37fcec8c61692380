"""The drill: ledger restored from its backup, Temporal and Valkey rebuilt from it; nobody is lost or written twice."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError

from integrations.fhir import proposals
from integrations.ledger import tables
from service.operate import recovery
from service.process.temporal import connect
from tests.ward import ROOT, Ward

pytestmark = pytest.mark.integration
WAITING = ("drill-wait-1", "drill-wait-2", "drill-news")


class Drill:
    """A ward before and after; the hospital's FHIR server, the keys and the ports are what survives."""

    def __init__(self, folder: Path) -> None:
        self.before, self.after = Ward(folder / "before"), Ward(folder / "after")
        self.backup = folder / "backup"

    def lose_everything(self) -> None:
        """Stop, with the chart frozen until no process of ours is left to write to it."""
        ward, fhir = self.before, self.before.pid("fhir")
        ours = [ward.pid(part) for part in ("worker", "worklist", "dispatcher", "gateway")]
        assert ward.stack is not None
        ward.stack.send_signal(signal.SIGINT)
        ward.until(lambda: not any(map(alive, ours)), 60)
        os.kill(fhir, signal.SIGCONT)
        ward.stop()
        for name in ("keys.json", "ports.json"):
            shutil.copy(ward.state / name, self.after.state)
        shutil.copytree(ward.state / "fhir", self.after.state / "fhir")
        shutil.rmtree(ward.state)


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def wardflow(*arguments: str | Path) -> tuple[int, dict]:
    argv = [sys.executable, "-m", "service.commands.cli", "ledger", *map(str, arguments), "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, timeout=120)
    return done.returncode, json.loads(done.stdout) if done.returncode < 2 else {"said": done.stderr}


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    drill = Drill(tmp_path_factory.mktemp("drill"))
    drill.before.start()
    yield drill
    for ward in (drill.before, drill.after):
        if ward.stack and ward.stack.poll() is None:
            ward.stop()


def test_after_the_loss_of_everything_but_the_backup_each_case_goes_on(drill: Drill) -> None:
    ward = drill.before
    for n, encounter in enumerate(WAITING):
        ward.suggested(ward.admit(encounter, hr=80 + n, spo2=97))
    ward.decide(ward.suggested(ward.admit("drill-written", hr=90)))
    ward.decide(ward.suggested(ward.admit("drill-rejected", hr=91)), "reject", reason="not a triage case")
    ended = [ward.ended(encounter) for encounter in ("drill-written", "drill-rejected")]
    decided = ward.suggested(ward.admit("drill-decided", hr=92))
    ward.settled()
    news = ward.world.fhir.read("Observation", "drill-news-hr")

    os.kill(ward.pid("fhir"), signal.SIGSTOP)
    assert ward.decide(decided).status_code == 200
    assert ward.notify(json.dumps(news | {"meta": {"versionId": "2"}}).encode()).status_code == 200
    ward.settled()
    stale = ward.listed("drill-news")
    assert stale and not stale["decidable"], "news of a chart that can't be read"
    code, manifest = wardflow("backup", "--state", ward.state, "--to", drill.backup)
    assert code == 0 and (manifest["cases"]["open"], manifest["cases"]["decided"]) == (3, 1)
    drill.lose_everything()

    ward, begun = drill.after, time.monotonic()
    code, restored = wardflow("restore", "--from", drill.backup, "--state", ward.state)
    assert (code, restored) == (0, manifest)
    ward.start()
    before = ward.audit().findings
    unknown = [line for line in before if "unknown to Temporal" in line]
    assert len(unknown) == 6, before
    rebuilt = rebuild(ward)
    assert (rebuilt["started"], rebuilt["running"], rebuilt["ended_elsewhere"]) == (4, 0, []), rebuilt
    rows = [ward.suggested(encounter, version=2, seconds=60) for encounter in WAITING]
    print(f"\ndrill: {len(rows)} open cases can be decided {time.monotonic() - begun:.1f} s after the loss")

    for row in rows:
        assert ward.decide(row).status_code == 200
    written = [ward.ended(encounter, 60) for encounter in (*WAITING, "drill-decided")]
    for case in written:
        assert case.state == "written"
        result = ward.world.fhir.read("Observation", proposals.resource_id(case.ref, "result"))
        task = ward.world.fhir.read("Task", proposals.resource_id(case.ref, "task"))
        assert (result["meta"]["versionId"], task["status"]) == ("1", "completed")
    task = ward.world.fhir.read("Task", proposals.resource_id(written[-1].ref, "task"))
    assert task["meta"]["versionId"] == "2", "proposed once, written once"
    assert [ward.case(case.encounter_id) for case in ended] == ended
    events, report = ward.settled(), ward.audit()
    assert report.findings == () and report.clean
    with ward.world.records.db.read() as tx:
        chains = set(tx.scalars(sa.select(tables.audit.c.chain)))
    anew = {chain.partition("-")[0] for chain in chains if "-" in chain}
    assert anew >= {"cli", "worker", "worklist"}, "what was anchored in the chart is not overwritten there"
    assert report.cases["opened"] == manifest["cases"]["opened"] == 6
    assert events["accepted"] >= manifest["events"]["accepted"]


def rebuild(ward: Ward) -> dict:
    code, rebuilt = wardflow("rebuild", "--temporal", "--redis", "--state", ward.state)
    assert code == 0, rebuilt
    return rebuilt


def test_a_workflow_that_was_terminated_is_started_again_and_its_old_suggestion_is_not_decidable(drill: Drill) -> None:
    ward = drill.after
    since = rebuilt_at(ward)
    row = ward.suggested(ward.admit("drill-terminated", hr=93))
    in_temporal(ward, row["case_id"], "terminate")
    assert any("its workflow has ended" in line for line in ward.audit().findings)
    os.kill(ward.pid("fhir"), signal.SIGSTOP)  # so that the new run can't show its version yet
    try:
        assert rebuild(ward)["started"] == 1
        refused = ward.decide(row)
    finally:
        os.kill(ward.pid("fhir"), signal.SIGCONT)
    assert refused.status_code == 409 and refused.json()["refused"] == "stale"
    assert ward.decide(ward.suggested("drill-terminated", version=2, seconds=60)).status_code == 200
    ward.ended("drill-terminated")
    assert rebuild(ward) == {"running": 0, "started": 0, "freed": 0, "ended_elsewhere": [], "published": 0}
    assert rebuilt_at(ward) == since, "no more cases are excused"


def test_a_case_that_ended_since_and_that_temporal_does_not_know_stays_a_finding(drill: Drill) -> None:
    ward = drill.after
    ward.settled()
    assert ward.audit().findings == ()
    case = ward.case("drill-terminated")
    assert case

    def deleted() -> tuple[str, ...]:
        in_temporal(ward, case.case_id, "delete")  # again, where its list lagged behind
        return ward.audit().findings

    (finding,) = ward.until(deleted)
    assert "unknown to Temporal" in finding


def rebuilt_at(ward: Ward) -> datetime | None:
    with ward.world.records.db.read() as tx:
        return recovery.rebuilt_at(tx)


def in_temporal(ward: Ward, case_id: str, what: str) -> None:
    async def run() -> None:
        opened = ward.settings.parts
        client = await connect(opened.temporal, opened.temporal_namespace, ward.secrets.keyring())
        if what == "terminate":
            await client.get_workflow_handle(case_id).terminate()
            return
        async for execution in client.list_workflows(f"WorkflowId = '{case_id}'"):
            which = WorkflowExecution(workflow_id=case_id, run_id=execution.run_id)
            request = DeleteWorkflowExecutionRequest(namespace=client.namespace, workflow_execution=which)
            with suppress(RPCError):  # gone already
                await client.workflow_service.delete_workflow_execution(request)

    asyncio.run(run())
