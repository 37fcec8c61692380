"""Someone reaches Temporal's ports without our key: answers for our workers, sends what does not open, ends cases."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio import activity, workflow
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.common import RawValue, VersioningBehavior
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from contracts.cases import CaseState
from contracts.queues import TaskQueue
from service.gateway import stranded_cases
from service.operate import recovery
from service.process import versions
from service.process.temporal import connect
from tests.ward import ROOT, Ward

pytestmark = pytest.mark.integration
REFUSED = "wardflow_messages_refused_total"
Answer = Callable[[], RawValue]


async def keyless(ward: Ward) -> Client:
    return await Client.connect(ward.settings.parts.temporal)


def results(ward: Ward, case_id: str, activity_type: str) -> list[Payload]:
    """Return what answered an activity of that case, as anyone can copy it from the history."""

    async def read() -> list[Payload]:
        history = await (await keyless(ward)).get_workflow_handle(case_id).fetch_history()
        scheduled = {
            event.event_id
            for event in history.events
            if event.activity_task_scheduled_event_attributes.activity_type.name == activity_type
        }
        done = (event.activity_task_completed_event_attributes for event in history.events)
        return [one.result.payloads[0] for one in done if one.scheduled_event_id in scheduled]

    return asyncio.run(read())


@contextmanager
def answering(ward: Ward, queue: TaskQueue, answer: Answer) -> Iterator[list[str]]:
    """Answer for the worker of a queue, under the version that the server itself lists; yield what was answered."""
    taken: list[str] = []
    ready, done = threading.Event(), threading.Event()

    @activity.defn(dynamic=True)
    async def forge(_args: Sequence[RawValue]) -> RawValue:
        taken.append(activity.info().activity_type)
        return answer()

    async def work() -> None:
        client = await keyless(ward)
        build = next(version.build for version in await versions.known(client) if version.current)
        async with Worker(
            client, task_queue=queue, activities=[forge], deployment_config=versions.worker_config(build)
        ):
            ready.set()
            while not done.is_set():
                await asyncio.sleep(0.05)

    thread = threading.Thread(target=asyncio.run, args=(work(),))
    thread.start()
    try:
        assert ready.wait(20)
        yield taken
    finally:
        done.set()
        thread.join()


def refused(ward: Ward) -> float:
    return ward.figures("gateway")[REFUSED,]


def test_another_cases_suggestion_is_never_shown(ward: Ward) -> None:
    donor = ward.suggested(ward.admit("forged-donor", "twisted ankle", hr=70))
    (stolen,) = results(ward, donor["case_id"], "run_agent")
    before, patients = refused(ward), []
    with answering(ward, TaskQueue.GPU_REASONING, lambda: RawValue(stolen)) as taken:
        while not taken or len(patients) < 2:
            patients.append(ward.admit(f"forged-{len(patients)}", "severe breathlessness", spo2=78, rr=44, sbp=70))
            ward.suggested(patients[-1])
    for patient in (*patients, donor["encounter_id"]):
        row, case = ward.suggested(patient), ward.case(patient)
        assert case and case.suggestion_blob
        assert ward.world.records.suggestion(case.suggestion_blob).facts.encounter_id == patient
        assert ward.decide(row, "reject", reason="forged").status_code == 200
    ward.until(lambda: refused(ward) > before)


def is_decided(ward: Ward, encounter: str) -> bool:
    case = ward.case(encounter)
    return case is not None and case.state != CaseState.OPEN


def test_nobody_is_told_that_someone_else_decided_who_did_not(ward: Ward) -> None:
    donor = ward.admit("receipt-donor", hr=70)
    assert ward.decide(ward.suggested(donor)).status_code == 200
    (stolen,) = results(ward, ward.ended(donor).case_id, "record_decision")
    said = ApplicationError("Dr Silva", "decided", type="ApprovalError", non_retryable=True)

    def claim() -> RawValue:
        raise said

    for name, answer in (("receipt", lambda: RawValue(stolen)), ("claim", claim)):
        patients: list[str] = []
        with answering(ward, TaskQueue.LEDGER, answer) as taken:
            while "record_decision" not in taken:
                patients.append(ward.admit(f"{name}-{len(patients)}", hr=70))
                answered = ward.decide(ward.suggested(patients[-1]))
                assert answered.status_code != 409 and "Silva" not in answered.text, answered.text
        for patient in patients:
            row = ward.until(lambda name=patient: is_decided(ward, name) or ward.decidable(name))
            if isinstance(row, dict):
                assert ward.decide(row).status_code == 200
            assert ward.ended(patient).state == "written"


Sending = Callable[[Client, str], Awaitable[object]]


def elsewhere() -> RawValue:
    """The SDK raises for what claims to lie in an external store, before it asks a codec."""
    return RawValue(Payload(metadata={"encoding": b"json/external-storage-reference"}, data=b"{}"))


async def update(client: Client, case_id: str) -> None:
    with pytest.raises(WorkflowUpdateFailedError):
        await client.get_workflow_handle(case_id).execute_update("decide", "x", rpc_timeout=timedelta(seconds=30))


def signal(name: str, *args: Any) -> Sending:
    return lambda client, case_id: client.get_workflow_handle(case_id).signal(name, args=list(args))


def test_a_message_that_does_not_open_freezes_no_case(ward: Ward) -> None:
    donor = ward.suggested(ward.admit("frozen-donor", hr=70))
    snapshot, *_ = results(ward, donor["case_id"], "snapshot_chart")
    messages: dict[str, Sending] = {
        "unsealed": signal("chart_changed", {"event_ids": [1]}),
        "update": update,
        "unknown": signal("surprise", 1),
        "bare": signal("chart_changed"),
        "elsewhere": signal("chart_changed", elsewhere()),
        "foreign": signal("chart_changed", RawValue(snapshot)),
    }
    before = refused(ward)
    rows = {name: ward.suggested(ward.admit(f"frozen-{name}", hr=70)) for name in messages}
    rows["own"] = donor

    async def send() -> None:
        client = await keyless(ward)
        await asyncio.gather(*(message(client, rows[name]["case_id"]) for name, message in messages.items()))
        # a value of this very case, but of another type, and more of them than it takes
        handle = client.get_workflow_handle(donor["case_id"])
        await handle.signal("chart_changed", RawValue(snapshot))
        await handle.signal("chart_changed", args=[RawValue(snapshot), RawValue(snapshot)])

    asyncio.run(send())
    for name, row in rows.items():
        answer = ward.decide(row)
        assert answer.status_code == 200, (name, answer.text)
    for name in messages:
        ward.ended(f"frozen-{name}")
    ward.until(lambda: refused(ward) >= before + 5)


def doctor(ward: Ward) -> list[dict[str, str]]:
    argv = [sys.executable, "-m", "service.commands.cli", "doctor", "--state", str(ward.state), "--json"]
    return json.loads(subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, timeout=60).stdout)


@workflow.defn(name="case", sandboxed=False, versioning_behavior=VersioningBehavior.PINNED)
class Nothing:
    @workflow.run
    async def run(self, _case: Any) -> str:
        return "done"


async def complete(client: Client, case_id: str) -> None:
    """Put a workflow in place of a case, and complete it as someone who polls for workflows."""
    build = next(version.build for version in await versions.known(client) if version.current)
    handle = client.get_workflow_handle(case_id)
    await handle.terminate()
    async with Worker(
        client, task_queue=TaskQueue.CASES, workflows=[Nothing], deployment_config=versions.worker_config(build)
    ):
        await client.start_workflow("case", "x", id=case_id, task_queue=TaskQueue.CASES)
        while (await handle.describe()).status != WorkflowExecutionStatus.COMPLETED:
            await asyncio.sleep(0.1)


def test_cases_that_were_ended_or_replaced_in_temporal_are_named_and_brought_back(ward: Ward) -> None:
    names = ("ended-1", "ended-2", "ended-3")
    rows = [ward.suggested(ward.admit(name, hr=70)) for name in names]

    async def harm() -> None:
        """End two, let a workflow that never gets anywhere run in the place of the second, and complete the third."""
        client, parts = await keyless(ward), ward.settings.parts
        await complete(client, rows[2]["case_id"])
        for row in rows[:2]:
            await client.get_workflow_handle(row["case_id"]).terminate()
        ours = await connect(parts.temporal, parts.temporal_namespace, ward.secrets.keyring())
        frozen = rows[1]["case_id"]
        await client.start_workflow("case", "nonsense", id=frozen, task_queue=TaskQueue.CASES)
        while len(await stranded_cases.find(ward.world.records.db, ours)) != 2:
            await asyncio.sleep(0.2)
        await stranded_cases.watch(ward.world.records.db, ours)
        handle = client.get_workflow_handle(frozen)
        while (await handle.describe()).raw_description.pending_workflow_task.attempt <= recovery.FAILS_AGAIN:
            await asyncio.sleep(0.2)

    asyncio.run(harm())
    told = "2 cases cannot be decided or written: their process is not running. Call the operator."
    assert told in ward.page().get("/").text
    assert ward.figures("gateway")["wardflow_cases_without_workflow",] == 2
    (found,) = [finding for finding in doctor(ward) if "no running workflow" in finding["told"]]
    assert found["verdict"] == "FAIL" and "ledger rebuild --temporal" in found["told"]
    argv = [
        sys.executable,
        "-m",
        "service.commands.cli",
        "ledger",
        "rebuild",
        "--temporal",
        "--json",
        "--state",
        str(ward.state),
    ]
    rebuilt = json.loads(subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, timeout=60).stdout)
    assert (rebuilt["started"], rebuilt["freed"], rebuilt["ended_elsewhere"]) == (2, 1, [])
    for name in names:
        assert ward.decide(ward.suggested(name, version=2)).status_code == 200
        assert ward.ended(name).state == "written"

    async def look() -> None:
        parts = ward.settings.parts
        await stranded_cases.watch(
            ward.world.records.db, await connect(parts.temporal, parts.temporal_namespace, ward.secrets.keyring())
        )

    asyncio.run(look())
    assert told not in ward.page().get("/parts").text


def listening(pid: int) -> set[int]:
    """Return the ports at which a process listens."""
    sockets = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            sockets.add(link.readlink().name)
    rows = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()
    ]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets}


def test_the_development_servers_http_api_serves_nobody(ward: Ward) -> None:
    answers: set[int] = set()
    operation = {"namespace": "default", "job_id": "x", "visibility_query": "WorkflowType = 'none'", "reason": "x"}
    for port in listening(ward.pid("temporal")) - {int(ward.settings.parts.temporal.rpartition(":")[2])}:
        base = f"http://127.0.0.1:{port}/api/v1/namespaces"
        with suppress(httpx.HTTPError):
            answers.add(httpx.get(base, timeout=5).status_code)
            text = {"Content-Type": "text/plain"}
            sent = httpx.post(
                f"{base}/default/batch-operations/x", content=json.dumps(operation), headers=text, timeout=5
            )
            answers.add(sent.status_code)
    assert 403 in answers and not any(200 <= code < 300 for code in answers), answers

    async def grpc() -> bool:
        return await (await keyless(ward)).service_client.check_health()

    assert asyncio.run(grpc())
