"""What a run of rounds learns from, what measures it, and that the same command is the same run."""

import json
from pathlib import Path

import pytest

from activities.workbench import Workbench
from agents.pathway import Pathway
from contracts.decisions import DecisionKind
from contracts.errors import ConfigurationError, TuningError
from contracts.rounds import MeasuredCase
from contracts.tuning import Arm, DecidedCase, FitKind, VerdictOutcome
from integrations.ledger import registry
from integrations.ledger.registry import CHAMPION
from service.operate import rounds
from service.operate.rounds import Measuring, Wanted
from service.process import settings, wiring
from tests.fakes.models import model

PATHWAY: Pathway = settings.pathway_named("ed_triage", {})
NOTHING = Measuring(None, None, None)
WANTED = Wanted(rounds=3, margin=0.1, kind=FitKind.MODEL, options={}, settings={})


def charts(file: Path, prefix: str, count: int) -> Path:
    def bundle(id_: str) -> str:
        encounter = {"resourceType": "Encounter", "id": id_, "period": {"start": "2026-01-05T08:00:00Z"}}
        return json.dumps({"resourceType": "Bundle", "entry": [{"resource": encounter}]})

    file.write_text("\n".join(bundle(f"{prefix}-{n}") for n in range(count)))
    return file


def levels(file: Path, prefix: str, count: int) -> Path:
    file.write_text("case_id,nurse_level,expert_level\n" + "".join(f"{prefix}-{n},3,2\n" for n in range(count)))
    return file


@pytest.fixture
async def decided(tmp_path: Path) -> list[DecidedCase]:
    cases, said = charts(tmp_path / "train.ndjson", "t", 40), levels(tmp_path / "train.csv", "t", 40)
    return await rounds.from_files(cases, said, "nurse_level", "triage_nurse", PATHWAY)


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return wiring.workbench(tmp_path / "state", Path("venv"), "test")


def base(folder: Path, weights: bytes = b"weights") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "model.safetensors").write_bytes(weights)
    return folder


def ids(measured: list[MeasuredCase]) -> set[str]:
    return {case.facts.encounter_id for case in measured}


async def test_a_decision_from_a_file_was_unaided_and_names_who_and_where(decided: list[DecidedCase]) -> None:
    assert {(case.arm, case.suggested, case.selected, case.reviewer_role) for case in decided} == {
        (Arm.UNAIDED, None, "3", "triage_nurse")
    }
    assert decided[7].decision_id == "train.csv:nurse_level:t-7"


async def test_without_cases_that_measure_some_of_the_decided_ones_do_and_never_train(
    decided: list[DecidedCase], tmp_path: Path
) -> None:
    train, measured, against = await rounds.measured(decided, NOTHING, PATHWAY)
    assert 3 <= len(measured) <= 14 and len(train) + len(measured) == 40
    assert not {case.row_id for case in train} & ids(measured)
    assert {case.reference for case in measured} == {"3"} and "decisions" in against
    experts = Measuring(None, tmp_path / "train.csv", "expert_level")
    again, by_experts, against = await rounds.measured(decided, experts, PATHWAY)
    assert again == train and {case.reference for case in by_experts} == {"2"} and "expert_level" in against


async def test_a_decision_that_contradicts_itself_neither_trains_nor_measures(decided: list[DecidedCase]) -> None:
    wrong = {"arm": Arm.SHOWN, "suggested": "3", "kind": DecisionKind.APPROVE, "reasoned": True}
    _, all_measured, _ = await rounds.measured(decided, NOTHING, PATHWAY)
    spoilt = [case.model_copy(update=wrong) if n % 2 else case for n, case in enumerate(decided)]
    train, measured, _ = await rounds.measured(spoilt, NOTHING, PATHWAY)
    kept = {f"t-{n}" for n in range(0, 40, 2)}
    assert {case.row_id for case in train} | ids(measured) == kept and ids(measured) < ids(all_measured)


async def test_cases_of_their_own_measure_by_their_own_labels(decided: list[DecidedCase], tmp_path: Path) -> None:
    cases, labels = charts(tmp_path / "dev.ndjson", "d", 5), levels(tmp_path / "dev.csv", "d", 5)
    train, measured, _ = await rounds.measured(decided, Measuring(cases, labels, "expert_level"), PATHWAY)
    assert train == decided and ids(measured) == {f"d-{n}" for n in range(5)}
    with pytest.raises(ConfigurationError, match="--label-column"):
        await rounds.measured(decided, Measuring(cases, None, None), PATHWAY)
    with pytest.raises(ConfigurationError, match="too_few"):
        await rounds.measured(decided[:0], NOTHING, PATHWAY)


async def test_the_same_command_is_the_same_run_until_another_champion_serves(
    decided: list[DecidedCase], bench: Workbench, tmp_path: Path
) -> None:
    async def planned() -> str:
        untuned = rounds.base_model(bench, "ed_triage", str(base(tmp_path / "base")))
        train, measured, against = await rounds.measured(decided, NOTHING, PATHWAY)
        plan = rounds.plan(bench, PATHWAY, untuned, WANTED, train, measured, against)
        assert plan.parts == tuple(len(train) * n // 3 for n in (1, 2, 3))
        assert "t-1" not in plan.model_dump_json(), "references only"
        return plan.sha256()

    first = await planned()
    assert await planned() == first
    known = VerdictOutcome.UNTUNED
    with bench.records.db.write() as tx:
        sha = registry.listed(tx)[0].base_sha256
        assert registry.listed(tx)[0].outcome == known
        registry.register(tx, bench.records.auditor, model("a", base=sha, parent="base"))
        registry.promote(tx, bench.records.auditor, CHAMPION, "a", "n-okafor", "better")
    assert await planned() != first


def test_a_base_that_was_changed_under_its_name_is_refused(bench: Workbench, tmp_path: Path) -> None:
    rounds.base_model(bench, "ed_triage", str(base(tmp_path / "base")))
    with pytest.raises(TuningError, match="name_taken"):
        rounds.base_model(bench, "ed_triage", str(base(tmp_path / "base", b"others")))
    with pytest.raises(ConfigurationError, match="make models"):
        rounds.base_model(bench, "ed_triage", str(tmp_path / "nowhere"))


def test_a_base_may_lie_behind_a_url(bench: Workbench, tmp_path: Path) -> None:
    found = rounds.base_model(bench, "ed_triage", f"file://{base(tmp_path / 'far')}")
    assert found.name == "far" and (bench.state / "tuning" / "bases" / "far" / "model.safetensors").exists()
    assert bench.artefact(found).exists()
