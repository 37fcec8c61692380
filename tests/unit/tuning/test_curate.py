"""What trains, and what is left out and why."""

from contracts.decisions import DecisionKind
from contracts.suggestions import MadeBy
from contracts.tuning import Arm, DecidedCase
from service import settings
from tests.fakes.samples import facts
from tuning.curate import MEASURES, Lessons, curate

PATHWAY = settings.pathway_named("ed_triage", {})


def case(row_id: str, **changes: object) -> DecidedCase:
    chart = facts(complaint=f"pain {row_id}", hr=80).model_copy(update={"encounter_id": row_id})
    given = {
        "row_id": row_id, "facts": chart, "kind": DecisionKind.CHANGE, "selected": "3", "decision_id": f"d-{row_id}",
        "reviewer_id": "r", "reviewer_role": "triage_nurse", "arm": Arm.UNAIDED,
    }  # fmt: skip
    return DecidedCase.model_validate(given | changes)


def curated(*cases: DecidedCase, measured: tuple[DecidedCase, ...] = ()) -> Lessons:
    return curate(cases, PATHWAY, [one.facts for one in measured])  # pyright: ignore[reportArgumentType]


def test_each_row_names_the_decision_the_role_and_the_model() -> None:
    shown = case("b", arm=Arm.SHOWN, made_by=MadeBy.MODEL, source_model="m-1", suggested="2")
    unaided, changed = curated(case("a"), shown).rows
    assert (unaided.row_id, unaided.decision_id, unaided.reviewer_role) == ("a", "d-a", "triage_nurse")
    assert (unaided.source_model, changed.source_model) == (None, "m-1")


def test_what_rules_showed_is_left_out_and_counted() -> None:
    made = curated(case("a"), case("b", arm=Arm.SHOWN, made_by=MadeBy.RULES, suggested="3"))
    assert [row.row_id for row in made.rows] == ["a"] and made.refused == {"rules_only": 1}


def test_a_case_that_measures_never_trains_under_its_own_id_or_another() -> None:
    leaked, copied = case("a"), case("a").model_copy(update={"row_id": "x"})
    renamed = copied.model_copy(update={"facts": copied.facts.model_copy(update={"encounter_id": "x", "patient": "y"})})
    made = curated(leaked, renamed, case("b"), measured=(case("a"),))
    assert [row.row_id for row in made.rows] == ["b"] and made.refused == {MEASURES: 2}


def test_the_manifest_tells_other_rows_from_the_same() -> None:
    assert curated(case("a")).manifest_sha256 == curated(case("a")).manifest_sha256
    assert curated(case("a")).manifest_sha256 != curated(case("a", selected="2")).manifest_sha256
