"""What is planted behind Wardflow's back is found by `wardflow ledger audit`."""

import json
import subprocess
import sys

import pytest

from integrations.fhir import proposals
from integrations.ledger import cases, tables
from tests.ward import ROOT, Ward

pytestmark = pytest.mark.integration


def audit(ward: Ward) -> tuple[int, dict]:
    argv = [sys.executable, "-m", "service.cli", "ledger", "audit", "--state", str(ward.state), "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, timeout=120)
    return done.returncode, json.loads(done.stdout)


def test_a_deleted_case_and_a_phantom_write_are_both_found(ward: Ward) -> None:
    ward.decide(ward.suggested(ward.admit("planted", hr=90)))
    case = ward.ended("planted")
    ward.settled()
    code, report = audit(ward)
    assert (code, report["findings"]) == (0, []), report

    with ward.world.db.write() as tx:
        row = tx.execute(tables.cases.select().where(tables.cases.c.case_id == case.case_id)).mappings().one()
        tx.execute(tables.cases.delete().where(tables.cases.c.case_id == case.case_id))
    code, report = audit(ward)
    found = "\n".join(report["findings"])
    assert code == 1 and report["cases"]["unaccounted"] == 1
    assert "not in the ledger" in found and "has no case in the ledger" in found
    with ward.world.db.write() as tx:
        tx.execute(tables.cases.insert().values(dict(row)))

    result = ward.world.fhir.read("Observation", proposals.resource_id(case.ref, "result"))
    phantom = result | {"id": "phantom-1"}
    ward.send(phantom)
    code, report = audit(ward)
    assert code == 1 and any("phantom-1" in line for line in report["findings"])
    ward.send(phantom | {"identifier": [{"system": "urn:elsewhere", "value": "x"}], "meta": {}})

    changed = json.loads(json.dumps(result))
    changed["valueCodeableConcept"]["coding"][0]["code"] = "5"
    ward.send(changed)
    code, report = audit(ward)
    assert code == 1 and any("is not what was decided" in line for line in report["findings"])
    ward.send(result)
    assert audit(ward)[0] == 0


def test_a_changed_audit_record_is_found(ward: Ward) -> None:
    ward.suggested(ward.admit("chained"))
    with ward.world.db.write() as tx:
        row = tx.execute(tables.audit.select().where(tables.audit.c.chain == "worker").limit(1)).one()
        tx.execute(tables.audit.update().where(tables.audit.c.seq == row.seq).values(record=row.record + " "))
    code, report = audit(ward)
    assert code == 1 and any("audit chain worker breaks" in line for line in report["findings"])
    with ward.world.db.write() as tx:
        tx.execute(tables.audit.update().where(tables.audit.c.seq == row.seq).values(record=row.record))
    assert not [line for line in audit(ward)[1]["findings"] if "audit chain" in line]
    ward.decide(ward.suggested("chained"))


def test_two_live_cases_of_one_encounter_cannot_exist(ward: Ward) -> None:
    ward.suggested(ward.admit("twice"))
    case = ward.case("twice")
    assert case
    with pytest.raises(Exception, match="database"), ward.world.db.write() as tx:
        second = case.ref.model_copy(update={"case_id": "another", "generation": 2})
        cases.open_new(tx, second, ward.settings.pathways["ed_triage"].deadline, case.accepted_at)
    ward.decide(ward.suggested("twice"))
