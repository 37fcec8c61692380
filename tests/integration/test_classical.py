"""The process of the classical estimator, in the model environment, on made-up decisions."""

import asyncio
import shutil
from pathlib import Path

import numpy as np
import pytest

from agents.ed_triage.pathway import EdTriage
from contracts.classical import CrossFitJob, EstimateJob
from contracts.decisions import DecisionKind
from contracts.ed_triage import EdTriageOptions
from contracts.errors import TuningError
from contracts.tuning import Arm, DecidedCase, FitJob, FitKind, FitReport, TrainingRow
from tests.fakes.samples import facts
from tests.ward import ROOT
from tuning import estimating, jobs

PYTHON = ROOT / ".venv-models" / "bin" / "python"
pytestmark = [
    pytest.mark.integration,
    pytest.mark.model,
    pytest.mark.skipif(not PYTHON.exists(), reason="needs `make models`"),
]
PATHWAY = EdTriage(EdTriageOptions(scale="ktas"))
COMPLAINTS = (("arrest", 90), ("chest pain", 110), ("abd pain", 95), ("ankle injury", 80), ("medication refill", 70))
QUICK: dict[str, float | int | str] = {"trees": 20, "topics": 3}


def rows(count: int = 80) -> tuple[TrainingRow, ...]:
    """Decisions that follow the complaint, whatever else the chart says."""
    rng, made = np.random.default_rng(1), []
    for number in range(count):
        level = number % 5
        complaint, hr = COMPLAINTS[level]
        told = facts(complaint=complaint, sex="female" if number % 3 else "male", hr=hr + float(rng.integers(0, 9)))
        case = DecidedCase(
            row_id=f"r-{number}",
            facts=told,
            kind=DecisionKind.CHANGE,
            selected=str(level + 1),
            decision_id=f"d-{number}",
            reviewer_id="n",
            reviewer_role="triage_nurse",
            arm=Arm.UNAIDED,
        )
        row = PATHWAY.lesson(case)
        assert isinstance(row, TrainingRow)
        made.append(row)
    return tuple(made)


ROWS = rows()
DECIDED = np.array([int(np.argmax(row.target)) for row in ROWS])
FEATURES = tuple(row.features for row in ROWS)


def job(out: Path, **changes: object) -> FitJob:
    made = FitJob(kind=FitKind.CLASSICAL, base="", out=str(out), rows=ROWS, settings=QUICK)
    return made.model_copy(update=changes)


async def fit(python: Path, job: FitJob) -> FitReport:
    return await jobs.run(python, estimating.MODULE, "fit", job, FitReport, lambda _: None)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> FitReport:
    return asyncio.run(fit(PYTHON, job(tmp_path_factory.mktemp("fitted"))))


async def test_an_estimator_learns_decisions_and_is_asked_by_its_files_alone(fitted: FitReport) -> None:
    assert (fitted.rows, fitted.settings["trees"], set(fitted.file_sha256)) == (
        len(ROWS), 20, {"estimator.npz", "decoding.json"},
    )  # fmt: skip
    asked = EstimateJob(artefact=fitted.artefact, file_sha256=fitted.file_sha256, rows=FEATURES)
    said = np.array((await estimating.score(PYTHON, asked, lambda _: None)).probabilities)
    assert np.allclose(said.sum(axis=1), 1)
    assert (said.argmax(axis=1) == DECIDED).mean() > 0.9


async def test_files_that_are_not_those_of_the_fit_are_not_opened(fitted: FitReport, tmp_path: Path) -> None:
    shutil.copytree(fitted.artefact, tmp_path, dirs_exist_ok=True)
    (tmp_path / "estimator.npz").write_bytes(b"something else")
    asked = EstimateJob(artefact=str(tmp_path), file_sha256=fitted.file_sha256, rows=FEATURES[:1])
    with pytest.raises(TuningError, match="is not the file that was fitted"):
        await estimating.score(PYTHON, asked, lambda _: None)


async def test_no_row_is_asked_of_an_estimator_that_learned_from_it() -> None:
    lines: list[str] = []
    wrong = ROWS[0].model_copy(update={"target": ROWS[4].target})
    told = await estimating.cross_fit(
        PYTHON, CrossFitJob(rows=(wrong, *ROWS[1:]), folds=3, inner_folds=2, settings=QUICK), lines.append
    )
    said = np.array(told.probabilities)
    assert said[0].argmax() == DECIDED[0]
    assert lines == [f"fold {number} of 3" for number in (1, 2, 3)]
    assert [len(inner) for inner in told.inner] == [sum(f != n for f in told.fold) for n in range(3)]
    sides = await estimating.cross_fit(
        PYTHON, CrossFitJob(rows=ROWS, folds=5, apart_by="female", settings=QUICK), lambda _: None
    )
    assert list(sides.fold) == [int(bool(number % 3)) for number in range(len(ROWS))]


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"settings": {"depth": 3}}, "unknown: depth"), ({"rows": ROWS[:10]}, "10 decisions; the estimator needs 40")],
)
async def test_a_job_that_is_amiss_is_told_in_one_line(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    with pytest.raises(TuningError, match=said):
        await fit(PYTHON, job(tmp_path, **changes))


async def test_a_missing_environment_is_told(tmp_path: Path) -> None:
    with pytest.raises(TuningError, match="make models"):
        await fit(tmp_path / "python", job(tmp_path))
