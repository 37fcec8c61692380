"""The look at a suggestion's evidence: what is gone, moved or corrected, and what is no change."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities import evidence
from activities.chart_reads import read_resources
from activities.snapshot_chart import freeze
from activities.write_back import WriteBack
from contracts.cases import CaseRef, CaseState
from contracts.decisions import Evidence
from contracts.errors import FhirError, FhirFault
from integrations import clock
from integrations.fhir.client import Resource
from integrations.ledger import cases, decisions, tables
from integrations.ledger import evidence as ledger_evidence
from integrations.ledger.cases import CaseRow
from integrations.ledger.evidence import Piece
from tests.fakes import full_ledger
from tests.fakes.full_ledger import Full
from tests.fakes.samples import decision

ENCOUNTER: Resource = {
    "resourceType": "Encounter", "id": "e1", "status": "arrived", "subject": {"reference": "Patient/p1"},
    "reasonCode": [{"text": "cough"}], "meta": {"versionId": "1"},
}  # fmt: skip
PATIENT: Resource = {"resourceType": "Patient", "id": "p1", "birthDate": "1980-01-01", "meta": {"versionId": "1"}}


@pytest.fixture
def full(tmp_path: Path) -> Full:
    made = full_ledger.fill(tmp_path)
    made.chart.base_url = "http://chart"
    made.chart.kept |= {"e1": ENCOUNTER, "p1": PATIENT}
    return made


@pytest.fixture
def case(full: Full) -> CaseRow:
    """The open case, as if it showed the stay `e1` as the chart has it now."""
    world = full.world
    frozen = freeze(world, "ed_triage", "e1", read_resources(world, "ed_triage", "e1"), clock.now())
    with world.records.db.read() as tx:
        row = cases.find(tx, full.refs["open"].case_id)
    assert row
    return row.model_copy(update={"snapshot_blob": frozen.snapshot_blob, "encounter_id": "e1"})


def changed(resource: Resource, **changes: Any) -> Resource:
    return resource | changes | {"meta": {"versionId": "2"}}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda kept: None, Evidence.CHECKED),
        (lambda kept: kept.pop("p1"), Evidence.CHANGED),
        (lambda kept: kept.pop("e1"), Evidence.CHANGED),
        (lambda kept: kept.update(p1=changed(PATIENT, birthDate="1931-01-01")), Evidence.CHANGED),
        (lambda kept: kept.update(e1=changed(ENCOUNTER, reasonCode=[{"text": "chest pain"}])), Evidence.CHANGED),
        (lambda kept: kept.update(e1=changed(ENCOUNTER, subject={"reference": "Patient/p2"})), Evidence.CHANGED),
        (lambda kept: kept.update(p1=changed(PATIENT, telecom=[{"value": "0"}])), Evidence.CHECKED),
    ],
    ids=["as shown", "patient gone", "stay gone", "birth date", "reason", "another patient", "equal facts"],
)
def test_what_the_chart_holds_of_it_now_decides(
    full: Full, case: CaseRow, change: Callable[[dict[str, Resource]], Any], found: Evidence
) -> None:
    change(full.chart.kept)
    assert evidence.look(full.world, case) == found


def away(*_: object) -> Any:
    raise FhirError(FhirFault.UNREACHABLE, "no answer", retryable=True)


@pytest.fixture
def unchecked(full: Full) -> CaseRef:
    """The open case of the full ledger, decided while the chart was away."""
    ref = full.refs["open"]
    full.chart.kept |= {f"enc-{n}": ENCOUNTER | {"id": f"enc-{n}"} for n in full.refs}
    chart = {"as_of": clock.now().isoformat(), "resources": [full.chart.kept[ref.encounter_id], PATIENT]}
    blob = full.world.records.blobs.put(json.dumps(chart).encode())
    with full.world.records.db.write() as tx:
        tx.execute(tables.cases.update().where(tables.cases.c.case_id == ref.case_id).values(snapshot_blob=blob))
        case = cases.find(tx, ref.case_id)
        assert case and case.suggestion_hash
        made = decision(case_id=ref.case_id, shown_hash=case.suggestion_hash, evidence=Evidence.UNCHECKED)
        decisions.decide(tx, made)
    return ref


def begun(full: Full, ref: CaseRef) -> Evidence | None:
    with full.world.records.db.read() as tx:
        return decisions.write_begun(tx, ref.case_id)


def test_while_the_chart_is_away_no_write_begins_and_the_look_is_taken_when_it_is_back(
    full: Full, unchecked: CaseRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as gone:
        for call in ("search", "read", "find"):
            gone.setattr(full.chart, call, away)
        with pytest.raises(ApplicationError, match="unreachable"):
            WriteBack(full.world)(unchecked)
    assert begun(full, unchecked) is None, "it may still be taken back"
    full.chart.kept["p1"] = changed(PATIENT, birthDate="1931-01-01")
    assert WriteBack(full.world)(unchecked).state == CaseState.WRITTEN
    assert begun(full, unchecked) == Evidence.CHANGED


def test_a_chart_that_answers_all_but_the_look_gets_the_decision(
    full: Full, unchecked: CaseRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(full.chart, "search", away)
    assert WriteBack(full.world)(unchecked).state == CaseState.WRITTEN
    assert begun(full, unchecked) == Evidence.UNCHECKED


def test_a_type_that_a_server_cannot_search_hides_no_change_of_the_others(
    full: Full, case: CaseRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = full.chart.search

    def refusing(query: str) -> list[Resource]:
        if query.startswith("Binary"):
            raise FhirError(FhirFault.REFUSED, "GET answered 400")
        return search(query)

    monkeypatch.setattr(full.chart, "search", refusing)
    with full.world.records.db.write() as tx:
        heard = Piece(resource="Binary/b1", version_id="1", facts_hash="")
        ledger_evidence.keep(tx, case.case_id, case.version, [heard])
    assert evidence.look(full.world, case) == Evidence.CHECKED
    full.chart.kept["p1"] = changed(PATIENT, birthDate="1931-01-01")
    assert evidence.look(full.world, case) == Evidence.CHANGED
