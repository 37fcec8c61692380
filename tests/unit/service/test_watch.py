"""What the watch brings to the chart."""

from types import SimpleNamespace
from typing import Any

import pytest

from contracts.errors import FhirError, FhirFault
from integrations.fhir.client import Resource
from integrations.ledger import tables
from integrations.ledger.audit import Action, Auditor
from integrations.ledger.tables import Database
from service import watch


class Chart:
    """Keeps what it is sent, or says so and keeps nothing."""

    def __init__(self) -> None:
        self.kept: dict[str, Resource] = {}
        self.lies = False

    def bundle(self, entries: list[Resource]) -> None:
        if not self.lies:
            self.kept |= {entry["resource"]["id"]: entry["resource"] for entry in entries}

    def read(self, _type: str, id_: str) -> Resource:
        if id_ not in self.kept:
            raise FhirError(FhirFault.MISSING)
        return self.kept[id_]


def test_audit_records_that_a_2xx_left_behind_nowhere_are_sent_again(db: Database) -> None:
    chart = Chart()
    world: Any = SimpleNamespace(db=db, fhir=chart)
    with db.write() as tx:
        Auditor("gateway", b"k").append(tx, Action.READ, "Encounter/1")
    chart.lies = True
    with pytest.raises(FhirError) as refused:
        watch.export_audit(world)
    assert (refused.value.kind, refused.value.retryable) == (FhirFault.NOT_WRITTEN, True)
    chart.lies = False
    assert watch.export_audit(world) == 1
    assert list(chart.kept) == ["wardflow-gateway-1"]
    assert watch.export_audit(world) == 0
    with db.read() as tx:
        assert tables.mark(tx, watch.EXPORTED) == "1"
