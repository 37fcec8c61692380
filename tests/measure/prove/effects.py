"""What decisions left in the chart: one result each, written once, or withdrawn by a later decision (I2)."""

import json
from collections import Counter
from collections.abc import Iterator

from tests.measure.prove.finding import Finding
from tests.measure.prove.records import Records, Row, marked_for, name_of
from tests.ward import Resource

ENDED = {
    "written": "completed",
    "rejected": "rejected",
    "closed_undecided": "cancelled",
    "stay_ended": "cancelled",
    "continued": "cancelled",
}
"""What the proposal is in the chart at each end of a case."""
TRIAGE = "ed_triage"
ACCEPTED = ("approve", "change", "choose")
WITHDRAWING = (*ACCEPTED, "withdraw")
"""Kinds of decision that write a result, and those that withdraw what the earlier decisions in question wrote."""
WITHDRAWN = {"Task": ("cancelled", "entered-in-error"), "Observation": ("entered-in-error",)}
"""How what was written stands in the chart once it is withdrawn, by its type."""


def one_effect(r: Records) -> Iterator[Finding]:
    """I2, chart against ledger: one result of an approval, written once; nothing else of any other end."""
    decisions = {row["case_id"]: json.loads(row["document"]) for row in r.ledger.decisions}
    withdrawn = _withdrawals(r, decisions)
    for case in r.ledger.cases:
        case_id, name, decision = case["case_id"], name_of(case), decisions.get(case["case_id"])
        yield from _results(r, case, decision, withdrawn[case_id])
        tasks, verdict = proposals(r, case_id), ENDED.get(case["state"])
        if len(tasks) > 1 or (case["version"] and not tasks) or any(task["status"] != verdict for task in tasks):
            yield Finding("I2", name, f"is {case['state']}, its Tasks are {[task['status'] for task in tasks]}")
        ids = {task["id"] for task in tasks}
        finals = [v for v in r.chart.history if v["id"] in ids and v["status"] != "requested"]
        if len(finals) > 1:
            yield Finding("I2", name, f"its Task was ended {len(finals)} times")
        proofs = [
            p for p in r.chart.current.values()
            if p["resourceType"] == "Provenance" and decision and decision["decision_id"] in p["activity"]["text"]
        ]  # fmt: skip
        wanted = int(decision is not None and decision["kind"] in WITHDRAWING)
        if len(proofs) != wanted:
            yield Finding("I2", name, f"{len(proofs)} Provenances, its decision demands {wanted}")
    known = {case["case_id"] for case in r.ledger.cases}
    for where, resource in r.chart.current.items():
        if marked_for(resource) and marked_for(resource) not in known:
            yield Finding("I2", where, "is in the chart for a case that the ledger does not know")


def _results(r: Records, case: Row, decision: Row | None, withdrawals: int) -> Iterator[Finding]:
    """Yield what is wrong with what a case wrote beside its proposal; `withdrawals`: by how many later decisions."""
    name, found = name_of(case), _written(r, case["case_id"])
    wanted = int(decision is not None and decision["kind"] in ACCEPTED)
    if len(found) != wanted:
        yield Finding("I2", name, f"{len(found)} results in the chart, its decision demands {wanted}")
    for result in found:
        coded = level(result) if case["pathway"] == TRIAGE else None
        if decision and coded and coded != decision["selected"]:
            yield Finding("I6", name, f"{coded} is in the chart, {decision['selected']} was decided")
        if int(result["meta"]["versionId"]) != 1 + withdrawals:
            times = result["meta"]["versionId"]
            yield Finding("I2", name, f"its result was written {times} times, and withdrawn by {withdrawals} decisions")
        if (result["status"] in WITHDRAWN[result["resourceType"]]) != bool(withdrawals):
            yield Finding("I2", name, f"its result is {result['status']}, {withdrawals} decisions withdrew it")


def _withdrawals(r: Records, decisions: dict[str, Row]) -> Counter[str]:
    """Return by how many decisions the result of each case was withdrawn."""
    shown = {(one.case_id, one.version): one.suggestion for one in r.ledger.told_to_people.shown}
    found = Counter[str]()
    for case_id, decision in decisions.items():
        if decision["kind"] in WITHDRAWING:
            earlier = shown[case_id, decision["version"]].get("earlier") or {}
            found.update(earlier.get("in_question") or ())
    return found


def proposals(r: Records, case_id: str) -> list[Resource]:
    """Return the Tasks that ask for a decision; an order to follow results up is a Task as well."""
    return [task for task in r.chart.of_case("Task", case_id) if task["intent"] == "proposal"]


def _written(r: Records, case_id: str) -> list[Resource]:
    """Return what a decision wrote beside its Task: a level, or an order."""
    orders = [task for task in r.chart.of_case("Task", case_id) if task["intent"] != "proposal"]
    return [*r.chart.of_case("Observation", case_id), *orders]


def level(result: Resource) -> str:
    return result["valueCodeableConcept"]["coding"][0]["code"]
