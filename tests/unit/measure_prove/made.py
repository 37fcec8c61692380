"""Made-up records of a run: a case that was decided, and what it left in the chart."""

import json
from collections import Counter
from typing import Any

from tests.measure.oracle import chart as oracle_chart
from tests.measure.oracle.answers import Shown
from tests.measure.oracle.rows import Told
from tests.measure.prove.records import OURS, Chart, Ledger, Records
from tests.unit.measure_oracle.made import AT

Resource = dict[str, Any]
SEEN_AT = "2026-11-28T10:30:00+00:00"
TAG = {"tag": [{"system": OURS, "code": "case"}]}


def records(**chart: Resource) -> Records:
    """Return records of nothing but a chart; its keys are ids."""
    return Records(
        sent=[], clicks=[], seen={}, looks=Counter(), late=[], away={"gateway": [], "worklist": []},
        ledger=Ledger([], [], [], [], [], [], {}, 0, {}, Told([], [], [])),
        executions=[],
        chart=Chart({f"{body['resourceType']}/{id_}": body | {"id": id_} for id_, body in chart.items()}, [], {}),
        whole_chart=oracle_chart.Chart(AT),
        audit_key=b"", names={}, deadline_s=15.0,
    )  # fmt: skip


def decided(
    r: Records,
    case_id: str,
    kind: str,
    selected: str | None = None,
    pathway: str = "ed_triage",
    generation: int = 1,
    earlier: Resource | None = None,
) -> None:
    """Add a case of the stay `e` with its decision, and what the decision alone leaves in the chart."""
    state = "rejected" if kind == "reject" else "written"
    r.ledger.cases.append(
        {"case_id": case_id, "pathway": pathway, "encounter_id": "e", "generation": generation, "state": state,
         "version": 1, "ended_at": "2026-11-28T10:31:00+00:00"}
    )  # fmt: skip
    document = {"decision_id": f"d-{case_id}", "kind": kind, "selected": selected, "version": 1, "shown_hash": "h"}
    row = {"case_id": case_id, "document": json.dumps(document), "recorded_at": SEEN_AT}
    r.ledger.decisions.append(row)
    suggestion = {"earlier": earlier, "facts": {"facts": []}}
    r.ledger.told_to_people.shown.append(Shown(case_id, pathway, "e", generation, 1, suggestion))
    task = marked("Task", case_id, status="rejected" if kind == "reject" else "completed", intent="proposal")
    r.chart.current[f"Task/task-{case_id}"] = task | {"id": f"task-{case_id}"}
    if kind in ("approve", "change", "choose"):
        result = order(case_id) if pathway == "result_followup" else level(case_id, selected or "")
        r.chart.current[f"{result['resourceType']}/{result['id']}"] = result
    if kind not in ("reject", "keep"):
        proof = {"resourceType": "Provenance", "id": f"p-{case_id}", "activity": {"text": f"{kind} d-{case_id}"}}
        r.chart.current[f"Provenance/p-{case_id}"] = proof | {"meta": TAG}


def marked(type_: str, case_id: str, version: str = "1", **more: Any) -> Resource:
    named = [{"system": OURS, "value": case_id}]
    return {"resourceType": type_, "meta": TAG | {"versionId": version}, "identifier": named} | more


def level(case_id: str, code: str, status: str = "final", version: str = "1") -> Resource:
    coded = {"coding": [{"code": code}]}
    return marked("Observation", case_id, version, id=f"r-{case_id}", status=status, valueCodeableConcept=coded)


def order(case_id: str, status: str = "requested", version: str = "1") -> Resource:
    return marked("Task", case_id, version, id=f"r-{case_id}", status=status, intent="order")
