"""Rows of the ledger become the oracle's data."""

import json

from tests.measure.oracle.account import Fate, check
from tests.measure.oracle.chart import Chart, keep
from tests.measure.oracle.rows import told
from tests.unit.measure_oracle.made import AT, encounter, patient, result


def test_rows_of_a_ledger_account_for_what_they_show() -> None:
    chart = Chart(AT)
    for resource in (patient(), encounter(), result()):
        keep(chart, resource)
    suggestion = {"floor": "1", "facts": {"facts": [{"resource": "Observation/k/_history/1"}], "left_out": []}}
    case = {"case_id": "c", "pathway": "result_followup", "encounter_id": "e", "generation": 1, "version": 2}
    document = {"case_id": "c", "version": 2, "kind": "approve", "selected": "1", "decided_at": "2026-11-28T10:30:00Z"}
    blobs = {"old": {"floor": None, "facts": {"facts": []}}, "new": suggestion}
    rows = told(
        [case | {"state": "written", "due_at": "x"}],
        [{"case_id": "c", "version": n, "suggestion_blob": blob} for n, blob in ((1, "old"), (2, "new"))],
        [{"case_id": "c", "document": json.dumps(document)}],
        [{"case_id": "c"}],
        lambda blob: json.dumps(blobs[blob]).encode(),
    )
    report = check(chart, rows.cases, rows.shown, rows.decisions)
    assert report.counts == {Fate.DECIDED: 1} and report.findings == []
    assert rows.cases[0].acknowledged and rows.decisions[0].decided_at.tzinfo
