"""What is kept of a case for those who tune, and what the chart tells later."""

import json
import subprocess
import sys

import pytest

from integrations.ledger import tables
from service.operate import trajectories
from tests.ward import NURSE, ROOT, Ward

pytestmark = pytest.mark.integration


def told(ward: Ward, *argv: str, code: int = 0) -> list[str]:
    command = [
        sys.executable,
        "-m",
        "service.commands.cli",
        "trajectories",
        *argv,
        "--by",
        NURSE,
        "--state",
        str(ward.state),
    ]
    out = subprocess.run([*command, "--json"], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert out.returncode == code, out.stderr
    return json.loads(out.stdout)


def outcomes(ward: Ward, case_id: str) -> set[str]:
    kept = tables.outcomes
    with ward.world.records.db.read() as tx:
        return {row.kind for row in tx.execute(kept.select().where(kept.c.case_id == case_id))}


def test_an_outcome_that_comes_later_stands_beside_the_trajectory_and_trains(ward: Ward) -> None:
    ward.admit("record-later", "chest pain", name="Ada Testperson", hr=104)
    row = ward.suggested("record-later")
    ward.decide(row, "change", "2", "cold and pale", dwell_ms="1")
    case = ward.ended("record-later")
    before = ward.trajectory_blob(case.case_id)

    encounter = ward.world.fhir.read("Encounter", "record-later")
    home = {"dischargeDisposition": {"coding": [{"code": "home"}]}}
    patient = ward.world.fhir.read("Patient", "record-later")
    ward.send(patient | {"deceasedBoolean": True}, encounter | {"status": "finished", "hospitalization": home})
    ward.until(lambda: outcomes(ward, case.case_id) == {"discharged", "died"})
    assert ward.trajectory_blob(case.case_id) == before

    lines = told(ward, "show", case.case_id[:16])
    assert any("arm shown" in line for line in lines)
    assert any(
        line.strip() == "= change 2 by Nurse Okafor (demo) (triage_nurse) after 0.0 s: cold and pale" for line in lines
    )
    assert sum(line.startswith("later ") for line in lines) == 2

    found = {one.row_id: one for one in trajectories.decided(ward.world.records, "ed_triage", NURSE)}[case.case_id]
    assert (found.suggested, found.selected, found.dwell_ms, found.source_model) == ("3", "2", 1, "fake-model-1")
    assert {outcome.kind for outcome in found.outcomes} == {"discharged", "died"}
    said = found.model_dump_json()
    assert NURSE not in said and "Okafor" not in said and "Testperson" not in said
    with ward.world.records.db.read() as tx:
        records = [r.record for r in tx.execute(tables.audit.select()) if case.case_id in r.record]
    assert sum('"view"' in record and "trajectory" in record for record in records) == 1


def test_two_versions_differ_by_what_was_measured_between_them(ward: Ward) -> None:
    ward.suggested(ward.admit("record-versions", "cough", hr=80))
    ward.chart("record-versions", hr=150)
    ward.decide(ward.suggested("record-versions", version=2))
    case_id = ward.ended("record-versions").case_id
    lines = told(ward, "diff", f"{case_id}@1", f"{case_id}@2", code=1)
    assert [line for line in lines if " fact hr" in line] == ["- fact hr: HR 80 /min", "+ fact hr: HR 150 /min"]
    assert any(line.startswith("+ decision kind") for line in lines)
    assert told(ward, "diff", case_id, case_id) == []
