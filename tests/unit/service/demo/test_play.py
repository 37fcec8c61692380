"""What a demo does about the embedded model, and who decides in it."""

from pathlib import Path
from typing import Any

import pytest

from service.demo import play as demo
from service.demo.play import DemoPlan
from service.process import settings


@pytest.mark.parametrize(
    ("simulated", "models", "wanted"),
    [
        (False, None, "wanted"),
        (True, None, "if-installed"),
        (True, True, "wanted"),
        (False, True, "wanted"),
        (False, False, "none"),
        (True, False, "none"),
    ],
)
def test_people_get_the_model_unless_they_say_no_and_simulated_people_do_not_install_it(
    simulated: bool, models: bool | None, wanted: str
) -> None:
    plan = DemoPlan(
        cases=None, limit=1, state=Path("x"), decide_from=None, decide_column="", simulated=simulated, models=models,
        seed=1, check=False, as_json=False, scale="esi",
    )  # fmt: skip
    assert plan.model == wanted


PARTS = '{"temporal": "", "redis_url": "", "fhir_url": "", "gateway_port": 1, "worklist_port": 2, %s}'


def test_the_one_who_decides_may_decide_on_every_pathway(tmp_path: Path) -> None:
    (tmp_path / "parts.json").write_text(PARTS % '"ledger_url": "", "blobs_url": ""')
    opened = settings.load(tmp_path)
    role = opened.users[demo.decider(opened)].role
    assert len(opened.pathways) > 1 and all(role in pathway.roles for pathway in opened.pathways.values())


@pytest.mark.parametrize(("pathway", "done"), [("ed_triage", ("change", "2")), ("result_followup", ("approve", "3"))])
def test_what_was_decided_of_a_triage_decides_nothing_else(pathway: str, done: tuple[str, str]) -> None:
    row = {"pathway": pathway, "encounter_id": "e", "selected": "3", "choices": ["1", "2", "3"]}
    plan: Any = None
    assert demo.choice(plan, row, {"e": "2"}) == done
