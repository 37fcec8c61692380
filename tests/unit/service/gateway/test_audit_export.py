"""What the watch brings to the chart."""

from types import SimpleNamespace
from typing import Any

import pytest

from contracts.errors import FhirError, FhirFault
from integrations.ledger import audit, marks
from integrations.ledger.audit import Action, Auditor
from integrations.ledger.database import Database
from service.gateway import audit_export
from tests.fakes.chart import Chart


def test_audit_records_that_a_2xx_left_behind_nowhere_are_sent_again(db: Database) -> None:
    chart = Chart()
    world: Any = SimpleNamespace(records=SimpleNamespace(db=db), fhir=chart)
    with db.write() as tx:
        Auditor("gateway", b"k").append(tx, Action.READ, "Encounter/1")
    chart.lies = True
    with pytest.raises(FhirError) as refused:
        audit_export.export_audit(world.records.db, world.fhir)
    assert (refused.value.kind, refused.value.retryable) == (FhirFault.NOT_WRITTEN, True)
    chart.lies = False
    assert audit_export.export_audit(world.records.db, world.fhir) == 1
    assert list(chart.kept) == ["wardflow-gateway-1"]
    assert audit_export.export_audit(world.records.db, world.fhir) == 0
    with db.read() as tx:
        assert marks.mark(tx, audit.EXPORTED) == "1"
