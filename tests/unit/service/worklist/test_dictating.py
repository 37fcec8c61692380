"""To whom a dictation belongs, and that it goes to nobody else."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from contracts.cases import CaseState
from contracts.errors import FhirError, FhirFault
from service.worklist.dictating import NotOpenError, Speaking, patient_labels
from service.worklist.rows import Row
from tests.fakes.samples import NURSE, facts, suggestion

AUDIO = b"OggS"


def row(case_id: str, stay: str, headline: str, name: str = "", state: str = CaseState.OPEN, known: bool = True) -> Row:
    made = suggestion(facts=facts(name=name) if name else facts()) if known else None
    case: Any = SimpleNamespace(case_id=case_id, encounter_id=stay, state=state)
    return Row(case, made, None, stale=False, headline=headline, colour="")


def test_a_patient_is_told_by_the_complaint_of_the_chart_in_whatever_case() -> None:
    known = facts(complaint="chest pain", age="61", sex="male")
    note = replace(row("a", "enc-1", "Dictated note: chest pain (61 male)"), suggestion=suggestion(facts=known))
    assert patient_labels([note]) == {"a": "chest pain (61 male)"}


def test_a_patient_is_told_by_name_complaint_age_and_sex_and_namesakes_by_their_stay() -> None:
    rows = [
        row("a", "enc-0001", "cough (56 female)", "Ada Testperson"),
        row("b", "enc-0002", "cough (56 female)", "Ada Testperson"),
        row("c", "enc-0003", "cough (57 female)", "Ada Testperson"),
        row("d", "enc-0003", "Dictated note: cough (57 female)", "Ada Testperson"),
        row("e", "enc-0004", f"{'pain ' * 30}(9 male)"),
        row("f", "enc-0005", "no suggestion yet: judge by hand", known=False),
    ]
    labels = patient_labels(rows)
    assert labels["a"] == "Ada Testperson · cough (56 female) · stay enc-0001"
    assert labels["b"] == "Ada Testperson · cough (56 female) · stay enc-0002"
    assert labels["c"] == "Ada Testperson · cough (57 female)"
    assert labels["d"] == "Ada Testperson · Dictated note: cough (57 female)"
    assert len(labels["e"]) < 70 and labels["e"].endswith("… (9 male)")
    assert labels["f"] == "a patient without a suggestion · stay enc-0005"
    assert len(set(labels.values())) == len(rows)


class Chart:
    def __init__(self, *written: str) -> None:
        self.written = written

    def read(self, kind: str, id_: str) -> dict[str, Any]:
        if kind not in self.written:
            raise FhirError(FhirFault.MISSING)
        return {"resourceType": kind, "id": id_}

    def bundle(self, _entries: list[Any]) -> None:
        raise AssertionError("nothing may be written")


@pytest.mark.parametrize(
    "state", [CaseState.DECIDED, CaseState.WRITTEN, CaseState.REJECTED, CaseState.CLOSED_UNDECIDED]
)
def test_a_recording_of_a_case_that_is_not_open_is_refused(state: str) -> None:
    case, settings = row("a", "enc-1", "cough", state=state).case, cast(Any, None)
    spoken = Speaking(cast(Any, SimpleNamespace(fhir=Chart("Encounter"))), settings)
    with pytest.raises(NotOpenError):
        spoken.record(case, NURSE, AUDIO, "audio/ogg", "r1")
    sent_before = Speaking(cast(Any, SimpleNamespace(fhir=Chart("Encounter", "Media"))), settings)
    assert sent_before.record(case, NURSE, AUDIO, "audio/ogg", "r1"), "its first answer was lost"
