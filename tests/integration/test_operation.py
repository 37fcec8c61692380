"""What an operator sees: readiness, figures, logs and traces of a running ward."""

import asyncio
import json
import re
import subprocess
import sys
from typing import Any

import httpx
import pytest
from temporalio.client import Client

from contracts.queues import TaskQueue
from integrations.ledger.lock_times import HISTOGRAM, LONGEST
from tests.fakes.trace_collector import TraceCollector
from tests.ward import ROOT, Ward

pytestmark = pytest.mark.integration
LABELS = {"part", "fate", "state", "kind", "by", "code", "le"}
STEPS = ("snapshot_chart", "run_agent", "open_case", "record_decision", "write_back", "record_trajectory")


def ready(ward: Ward, process: str) -> tuple[int, dict[str, Any]]:
    answer = httpx.get(f"{ward.address(process)}/readyz")
    return answer.status_code, {part: seen["state"] for part, seen in answer.json()["parts"].items()}


def test_a_part_that_is_away_is_stated_and_refuses_only_whom_it_keeps_from_its_duty(ward: Ward) -> None:
    for process in ("gateway", "worklist"):
        ward.until(lambda of=process: ready(ward, of)[0] == 200 and set(ready(ward, of)[1].values()) == {"live"})
    with ward.frozen("fhir"):
        ward.until(lambda: ready(ward, "gateway")[1]["chart"] == "away")
    ward.until(lambda: (ready(ward, "gateway")[0], ready(ward, "worklist")[0]) == (200, 200), 60)
    with ward.frozen("temporal"):
        ward.until(lambda: ready(ward, "worklist")[1]["temporal"] == "away")
        assert ready(ward, "worklist")[0] == 503
        ward.until(lambda: ready(ward, "gateway")[0] == 200)  # it can still accept events
        assert "TEMPORAL AWAY" in ward.page().get("/").text
    for process in ("gateway", "worklist"):
        ward.until(lambda of=process: ready(ward, of)[0] == 200 and set(ready(ward, of)[1].values()) == {"live"})


def test_the_figures_follow_one_case_and_name_nobody(ward: Ward) -> None:
    before = ward.figures("gateway")
    ward.decide(ward.suggested(ward.admit("figures", hr=80)))
    ward.ended("figures")
    ward.settled()
    assert ward.notify(b"{}", token="wrong").status_code == 401
    after = ward.figures("gateway")

    def grown(*sample: str) -> float:
        return after[sample] - before.get(sample, 0.0)

    assert grown("wardflow_decisions_total", "approve") == 1
    assert grown("wardflow_suggestions_total", "model") == grown("wardflow_suggestion_lag_seconds_count") >= 1
    assert grown("wardflow_suggestion_lag_seconds_bucket", "0.5") == 0, "the window alone takes longer"
    assert grown("wardflow_answers_total", "401") == 1 and grown("wardflow_answers_total", "200") >= 3
    assert grown("wardflow_cases", "written") == 1
    assert after["wardflow_events_unaccounted",] == after["wardflow_cases_unaccounted",] == 0
    ward.until(lambda: ward.figures("gateway")["wardflow_part_live", "worker"] == 1)
    for process in ("gateway", "worklist"):
        text = httpx.get(f"{ward.address(process)}/metrics").text
        assert {*re.findall(r'(\w+)="', text)} <= LABELS
        assert "figures" not in text


def test_every_process_tells_how_long_its_writes_held_the_ledger(ward: Ward) -> None:
    ward.decide(ward.suggested(ward.admit("held")))
    ward.ended("held")
    for process in ("gateway", "dispatcher", "worklist", "worker"):
        told = {name: value for (name, *_), value in ward.figures(process).items()}
        assert told[f"{HISTOGRAM}_count"] > 0 and told[f"{HISTOGRAM}_sum"] >= told[LONGEST] > 0, process


def test_a_workflow_that_freezes_shows_at_the_worker(ward: Ward) -> None:
    """What can't be decoded fails its workflow task for ever, as code does that was changed under a waiting case."""
    name = "temporal_workflow_task_execution_failed_total"

    def failed() -> float:
        return sum(value for sample, value in ward.figures("worker").items() if sample[0] == name)

    async def start() -> None:
        client = await Client.connect(ward.settings.parts.temporal)  # without our key
        handle = await client.start_workflow("case", "nonsense", id="frozen", task_queue=TaskQueue.CASES)
        try:
            await asyncio.to_thread(ward.until, lambda: failed() > before)
        finally:
            await handle.terminate()

    before = failed()
    asyncio.run(start())
    argv = [sys.executable, "-m", "service.commands.cli", "doctor", "--state", str(ward.state)]
    told = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, timeout=60).stdout
    assert "workflow tasks failed" in told


def test_the_lines_of_one_case_are_found_by_its_id_in_every_process(ward: Ward) -> None:
    ward.decide(ward.suggested(ward.admit("logged")))
    case_id = ward.ended("logged").case_id

    def of_the_case(process: str) -> list[dict[str, Any]]:
        log = ward.state / "logs" / f"{process}.log"
        return [json.loads(line) for line in log.read_text().splitlines() if case_id in line]

    last = {"event": "activity_done", "activity": "record_trajectory"}
    ward.until(lambda: any(last.items() <= line.items() for line in of_the_case("worker")))
    lines = {process: of_the_case(process) for process in ("dispatcher", "worker", "worklist")}
    assert [line["event"] for line in lines["dispatcher"]][:2] == ["case_opened", "case_told"]
    done = [line["activity"] for line in lines["worker"] if line["event"] == "activity_done"]
    steps = [step for step in done if step in STEPS]
    # a search that finds the same resources in the meantime has the case look at the chart once more
    assert list(dict.fromkeys(steps)) == list(STEPS)
    assert {step for step in steps if steps.count(step) > 1} <= {"snapshot_chart"}
    assert {line["workflow_id"] for line in lines["worker"]} == {case_id}
    assert [line["event"] for line in lines["worklist"]] == ["decision_taken"]


def test_one_case_is_one_trace_from_its_event_to_the_chart(ward: Ward, collector: TraceCollector) -> None:
    complaint = "crushing pompelmoose pain"
    ward.decide(ward.suggested(ward.admit("traced", complaint, name="Zzyzxcanary", hr=101)))
    trace_id = ward.ended("traced").case_id[:32]
    names = {"receive", "dispatch", "decide", "chart_read", "model", "chart_write", *STEPS}

    def spans() -> dict[bytes, Any]:
        """Return the spans of the case, without those of a second look that a search of the chart may cause."""
        found = collector.trace(trace_id).items()
        return {id_: one for id_, one in found if one[1].name != "cover_events"}

    ward.until(lambda: {span.name for _, span in spans().values()} == names)
    trace = spans()
    (root,) = [span for _, span in trace.values() if not span.parent_span_id]
    assert root.name == "receive"
    parents = {span.name: trace[span.parent_span_id][1].name for _, span in trace.values() if span is not root}
    inner = {"chart_read": "snapshot_chart", "model": "run_agent"}
    assert parents.pop("chart_write") in ("open_case", "write_back")
    assert parents == {name: inner.get(name, "receive") for name in names - {"receive", "chart_write"}}
    assert {process for process, _ in trace.values()} == {f"wardflow-{p}" for p in ("dispatcher", "worker", "worklist")}
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for _, span in trace.values())
    told = b"".join(collector.received)
    for secret in (complaint, "pompelmoose", "Zzyzxcanary", "traced", "Encounter/", "Patient/", "n-okafor"):
        assert secret.encode() not in told
