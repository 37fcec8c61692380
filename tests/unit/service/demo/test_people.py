"""Who decides in a demonstration, and what."""

from pathlib import Path

import pytest

from service.demo import people
from service.process import settings

PARTS = '{"temporal": "", "redis_url": "", "fhir_url": "", "gateway_port": 1, "worklist_port": 2, %s}'


def test_the_one_who_decides_may_decide_on_every_pathway(tmp_path: Path) -> None:
    (tmp_path / "parts.json").write_text(PARTS % '"ledger_url": "", "blobs_url": ""')
    opened = settings.load(tmp_path)
    role = opened.users[people.decider(opened)].role
    assert len(opened.pathways) > 1 and all(role in pathway.roles for pathway in opened.pathways.values())


@pytest.mark.parametrize(("pathway", "done"), [("ed_triage", ("change", "2")), ("result_followup", ("approve", "3"))])
def test_what_was_decided_of_a_triage_decides_nothing_else(pathway: str, done: tuple[str, str]) -> None:
    row = {"pathway": pathway, "encounter_id": "e", "selected": "3", "choices": ["1", "2", "3"]}
    assert people.People(1, {"e": "2"}).choice(row) == done
