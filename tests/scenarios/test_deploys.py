"""Changed code is deployed while cases wait: none freezes, none is lost, and each is decided and written once."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integrations.fhir import proposals
from service.process import versions
from service.process.temporal import connect
from tests.ward import Resource, Ward, checkout

pytestmark = pytest.mark.integration
RUN = "        self.progress.escalation = asyncio.create_task(self._escalate())\n        state = CaseState.OPEN\n"
STEP_PUT_IN = """        noted = CoverRequest(ref=self.ref, version=0, covers_event=0)
        await workflow.execute_activity_class(CoverEvents, noted, **policies.LEDGER)
"""


class Release:
    """A checkout with changed workflows, and its worker on the ward's machine."""

    def __init__(self, ward: Ward, folder: Path, put_in: str) -> None:
        self.ward, self.root = ward, checkout(folder)
        code = self.root / "workflows" / "case.py"
        assert code.read_text().count(RUN) == 1
        code.write_text(code.read_text().replace(RUN, put_in + RUN))
        self.worker = self._wardflow("worker", "--beside")
        logs = self.ward.state / f"{folder.name}.log"
        self.build: str = ward.until(lambda: ready(logs))

    def _wardflow(self, *arguments: str, out: int | None = None) -> "subprocess.Popen[str]":
        argv = [sys.executable, "-m", "service.commands.cli", *arguments, "--state", str(self.ward.state)]
        env = os.environ | {"PYTHONPATH": str(self.root)}
        with (self.ward.state / f"{self.root.name}.log").open("a") as log:
            return subprocess.Popen(argv, cwd=self.root, env=env, stdout=out or log, stderr=log, text=True)

    def deploy(self, *options: str) -> tuple[int, list[Resource] | Resource]:
        asked = self._wardflow("deploy", "--json", *options, out=subprocess.PIPE)
        out, _ = asked.communicate(timeout=60)
        return asked.returncode, json.loads(out)

    def stop(self) -> None:
        self.worker.send_signal(signal.SIGTERM)
        assert self.worker.wait(30) == 0


def ready(log: Path) -> str | None:
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return next((line["version"] for line in lines if line["event"] == "worker_ready"), None)


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    ward = Ward(tmp_path / "state").start()
    yield ward
    ward.stop()


def served_by(ward: Ward, encounter: str) -> tuple[str, list[str]]:
    """Return the version that a case is pinned to, and the activities that its history scheduled."""

    async def look() -> tuple[str, list[str]]:
        opened, case = ward.settings.parts, ward.case(encounter)
        assert case
        client = await connect(opened.temporal, opened.temporal_namespace, ward.secrets.keyring())
        handle = client.get_workflow_handle(case.case_id)
        info = (await handle.describe()).raw_description.workflow_execution_info.versioning_info
        events = (await handle.fetch_history()).events
        steps = [e.activity_task_scheduled_event_attributes.activity_type.name for e in events]
        return info.deployment_version.build_id, [step for step in steps if step]

    return asyncio.run(look())


def decided(ward: Ward, encounter: str, version: int = 1) -> Resource:
    """Decide what the case shows, and return it; written once, or this fails."""
    row = ward.suggested(encounter, version, seconds=60)
    assert ward.decide(row).status_code == 200
    case = ward.ended(encounter, 60)
    assert case.state == "written"
    result = ward.world.fhir.read("Observation", proposals.resource_id(case.ref, "result"))
    assert result["meta"]["versionId"] == "1"
    return row


@pytest.mark.timeout(420)
def test_cases_go_on_through_deploys_and_the_loss_of_old_workers(ward: Ward, tmp_path: Path) -> None:
    old = versions.build_of_code()
    for n, encounter in enumerate(("stays", "left", "left-too", "moves")):
        ward.suggested(ward.admit(encounter, hr=80 + n))
    with ExitStack() as stack:
        changed = Release(ward, tmp_path / "changed", STEP_PUT_IN)
        stack.callback(changed.worker.kill)
        assert ward.suggested(ward.admit("before", hr=90))
        assert served_by(ward, "before")[0] == old, "a worker beside another takes no new case before the deploy"
        code, tried = changed.deploy("--check")
        assert code == 1 and isinstance(tried, dict) and tried["running"] == len(tried["unfit"]) == 5
        code, known = changed.deploy()
        assert code == 0 and {v["build"]: (v["current"], v["has_worker"], v["cases"]) for v in known} == {
            changed.build: (True, True, 0),
            old: (False, True, 5),
        }

        ward.suggested(ward.admit("new", hr=91))
        assert decided(ward, "stays")["version"] == 1
        build, steps = served_by(ward, "stays")
        assert build == old and steps[0] == "snapshot_chart"
        build, steps = served_by(ward, "new")
        assert build == changed.build and steps[0] == "cover_events"

        ward.until(lambda: ward.hold(ward.pid("worker")))  # it is gone for Temporal, and nobody starts it again
        stack.callback(os.kill, ward.pid("worker"), signal.SIGCONT)
        for encounter in ("left", "left-too", "before", "moves"):
            assert ward.suggested(encounter, 2, seconds=60)["version"] == 2, "started anew from the ledger"
        assert decided(ward, "left", 2) and served_by(ward, "left")[0] == changed.build

        same = Release(ward, tmp_path / "same", STEP_PUT_IN + "        # a comment\n")
        stack.callback(same.worker.kill)
        assert same.build != changed.build
        changed.stop()
        ward.until(lambda: served_by(ward, "moves")[0] == same.build, 60)
        assert decided(ward, "moves", 2)["version"] == decided(ward, "left-too", 2)["version"] == 2, "it went on"
        assert decided(ward, "new")["version"] == 1 and served_by(ward, "new")[0] == same.build
        decided(ward, "before", 2)

        os.kill(ward.pid("worker"), signal.SIGCONT)  # what comes back after all does nothing twice
        assert decided(ward, ward.admit("last", hr=92)) and served_by(ward, "last")[0] == same.build
        ward.settled()
        assert ward.audit().findings == ()
        same.stop()
