"""What is planted behind Wardflow's back is found by `wardflow ledger audit`."""

import asyncio
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from activities.world import World
from integrations.fhir import proposals
from integrations.ledger import audit as audit_chains
from integrations.ledger import cases, marks, tables
from integrations.ledger.database import Database
from service.gateway import anchors
from service.operate import integrity
from service.process.temporal import connect
from tests.ward import ROOT, Ward

pytestmark = pytest.mark.integration


def audit(ward: Ward) -> tuple[int, dict]:
    argv = [sys.executable, "-m", "service.commands.cli", "ledger", "audit", "--state", str(ward.state), "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, timeout=120)
    return done.returncode, json.loads(done.stdout)


def test_a_deleted_case_and_a_phantom_write_are_both_found(ward: Ward) -> None:
    ward.decide(ward.suggested(ward.admit("planted", hr=90)))
    case = ward.ended("planted")
    ward.settled()
    code, report = audit(ward)
    assert (code, report["findings"]) == (0, []), report

    with ward.world.records.db.write() as tx:
        row = tx.execute(tables.cases.select().where(tables.cases.c.case_id == case.case_id)).mappings().one()
        tx.execute(tables.cases.delete().where(tables.cases.c.case_id == case.case_id))
    code, report = audit(ward)
    found = "\n".join(report["findings"])
    assert code == 1 and report["cases"]["unaccounted"] == 1
    assert "not in the ledger" in found and "has no case in the ledger" in found
    with ward.world.records.db.write() as tx:
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
    with ward.world.records.db.write() as tx:
        row = tx.execute(tables.audit.select().where(tables.audit.c.chain == "worker").limit(1)).one()
        tx.execute(tables.audit.update().where(tables.audit.c.seq == row.seq).values(record=row.record + " "))
    code, report = audit(ward)
    assert code == 1 and any("audit chain worker breaks" in line for line in report["findings"])
    with ward.world.records.db.write() as tx:
        tx.execute(tables.audit.update().where(tables.audit.c.seq == row.seq).values(record=row.record))
    assert not [line for line in audit(ward)[1]["findings"] if "audit chain" in line]
    ward.decide(ward.suggested("chained"))
    ward.ended("chained")


def cut_to_the_first(tx: sa.Connection) -> None:
    tx.execute(tables.audit.delete().where(tables.audit.c.position > 1))


def delete_a_chain(tx: sa.Connection) -> None:
    tx.execute(tables.audit.delete().where(tables.audit.c.chain == "worker"))


def delete_everything(tx: sa.Connection) -> None:
    tx.execute(tables.audit.delete())
    marks.set_mark(tx, audit_chains.EXPORTED, "0")


CUTS = (cut_to_the_first, delete_a_chain, delete_everything)


def test_chains_cut_in_a_copy_are_found_by_the_chart_and_by_the_fetched_heads(ward: Ward, tmp_path: Path) -> None:
    ward.decide(ward.suggested(ward.admit("anchored")))
    ward.ended("anchored")
    ward.until(lambda: exported(ward) > 0)
    key = ward.secrets.head_signer().public_key().public_bytes_raw().hex()
    heads = ward.state / anchors.HEADS_FILE
    assert anchors.in_file(heads, key).findings == (), "the gateway wrote it at its start"

    async def check(world: World) -> integrity.Report:
        opened = ward.settings.parts
        client = await connect(opened.temporal, opened.temporal_namespace, ward.secrets.keyring())
        return await integrity.check(world, client, ward.secrets.verify_key(), [(heads, key)])

    for cut in (None, *CUTS):
        ward.world.records.db.copy_to(copy := tmp_path / f"{cut and cut.__name__}.db")
        db = Database(f"sqlite:///{copy}")
        if cut:
            with db.write() as tx:
                cut(tx)
        found = "\n".join(asyncio.run(check(replace(ward.world, records=replace(ward.world.records, db=db)))).findings)
        db.close()
        assert ("audit chain worker ends at" in found and "the FHIR server has its record" in found) == bool(cut), found
        if cut is delete_everything:
            assert "audit-heads.jsonl has its record" in found


def exported(ward: Ward) -> int:
    """Return how many records of the worker the chart has, once the newest is there."""
    with ward.world.records.db.read() as tx:
        end = audit_chains.heads(tx)["worker"]
    return end if ward.world.fhir.find("AuditEvent", f"wardflow-worker-{end}") else 0


def test_two_live_cases_of_one_encounter_cannot_exist(ward: Ward) -> None:
    ward.suggested(ward.admit("twice"))
    case = ward.case("twice")
    assert case
    with pytest.raises(Exception, match="database"), ward.world.records.db.write() as tx:
        second = case.ref.model_copy(update={"case_id": "another", "generation": 2})
        cases.open_new(tx, second, ward.settings.pathways["ed_triage"].deadline, case.accepted_at)
    ward.decide(ward.suggested("twice"))
