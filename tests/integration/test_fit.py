"""The trainer as a process of the model environment, on a model so small that it learns in seconds."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from contracts.errors import TuningError
from contracts.model_calls import ChatRequest, Message
from contracts.tuning import Features, FitJob, FitKind, FitReport, TrainingRow
from infra import models
from tests.ward import ROOT
from tuning import trainer

pytestmark = [pytest.mark.integration, pytest.mark.model]
PYTHON = ROOT / models.VENV / models.PYTHON
CHOICES = ("1", "2", "3")
SMALL: dict[str, float | int | str] = {"layers": 1, "epochs": 8, "batch": 4, "lr": 0.02, "dropout": 0.1}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("base"), seed=1)


def made(out: Path, seed: int) -> Path:
    tokenizer = ROOT / models.CACHE / models.MODEL_NAME
    assert tokenizer.exists(), "run `make models` first"
    argv = [PYTHON, "-m", "tests.fakes.tiny_model", out, tokenizer, str(seed)]
    subprocess.run(argv, check=True, cwd=ROOT, env=os.environ | models.OFFLINE)
    return out


def request(text: str) -> ChatRequest:
    asked = (Message(role="system", content="Answer 1 to 3."), Message(role="user", content=text))
    return ChatRequest(step="judge", messages=asked, choices=CHOICES, max_tokens=4)


def rows() -> tuple[TrainingRow, ...]:
    """Return lessons that say: a word decides, whatever else the text holds."""
    told: list[TrainingRow] = []
    for number in range(18):
        level = number % 3
        target = tuple(0.9 if at == level else 0.05 for at in range(3))
        told.append(
            TrainingRow(
                row_id=f"row-{number}",
                decision_id=f"decision-{number}",
                reviewer_role="nurse",
                request=request(f"since {number} hours: {('arrest', 'fever', 'itch')[level]}"),
                features=Features(text="", numbers={}),
                target=target,
                reward=target,
                no_answer=-1.0,
                weight=1.0 + number % 2,
            )
        )
    return tuple(told)


def job(base: Path, out: Path, kind: FitKind = FitKind.MODEL, start: str = "", **settings: float) -> FitJob:
    return FitJob(kind=kind, base=str(base), start=start, out=str(out), rows=rows(), settings=SMALL | settings)


def silent(_: dict[str, float]) -> None:
    pass


@pytest.fixture(scope="module")
def fitted(base: Path, tmp_path_factory: pytest.TempPathFactory) -> FitReport:
    return asyncio.run(trainer.fit(PYTHON, job(base, tmp_path_factory.mktemp("fitted")), silent))


async def right(model: Path) -> float:
    """Return the mean probability of what the rows taught."""
    told = await trainer.score(PYTHON, model, [row.request for row in rows()], silent)
    assert all(sum(levels) == pytest.approx(1) for levels in told)
    return sum(levels[number % 3] for number, levels in enumerate(told)) / len(told)


async def test_it_learns_and_leaves_an_adapter_and_weights_to_serve(fitted: FitReport) -> None:
    assert fitted.losses[-1] < fitted.losses[0] / 1.5
    assert await right(Path(fitted.artefact, "merged")) > 0.6
    assert {"adapter/adapter_config.json", "adapter/base.json", "merged/chat_template.jinja"} <= set(fitted.file_sha256)
    assert fitted.resumed_from == 0 and fitted.settings["layers"] == 1 and fitted.settings["rank"] == 16


async def test_a_killed_job_goes_on_and_ends_as_one_that_was_not(base: Path, fitted: FitReport, tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    def kill(told: dict[str, float]) -> None:
        if told["step"] == 23:
            raise Killed  # the trainer gets SIGKILL, wherever it is by now

    with pytest.raises(Killed):
        await trainer.fit(PYTHON, job(base, tmp_path), kill)
    again = await trainer.fit(PYTHON, job(base, tmp_path), silent)
    assert again.resumed_from >= 20
    assert again.losses == fitted.losses
    assert again.file_sha256 == fitted.file_sha256
    assert not (tmp_path / "checkpoint.pt").exists()


async def test_a_finished_job_is_not_trained_twice_and_its_folder_not_given_to_another(
    base: Path, fitted: FitReport
) -> None:
    out = Path(fitted.artefact)
    assert await trainer.fit(PYTHON, job(base, out), silent) == fitted
    with pytest.raises(TuningError, match="other_job"):
        await trainer.fit(PYTHON, job(base, out, lr=0.01), silent)


async def test_on_policy_goes_on_from_the_adapter_and_earns_more(base: Path, fitted: FitReport, tmp_path: Path) -> None:
    start = str(Path(fitted.artefact, "adapter"))
    report = await trainer.fit(PYTHON, job(base, tmp_path, FitKind.ON_POLICY, start, lr=0.005), silent)
    assert report.losses[-1] < report.losses[0], "the loss is the reward that is missed, and the price of drifting"
    assert report.settings["samples"] == 8
    assert not set(report.file_sha256.items()) & {item for item in fitted.file_sha256.items() if "model" in item[0]}


async def test_a_bad_job_is_refused_in_one_line(base: Path, fitted: FitReport, tmp_path: Path) -> None:
    other, adapter = tmp_path / "other", Path(fitted.artefact, "adapter")
    other.mkdir()
    (other / "model.safetensors").write_bytes(b"other weights")
    for bad, told in (
        (job(other, tmp_path, start=str(adapter)), "other_base: the adapter is of base"),
        (job(tmp_path / "none", tmp_path), "no_model"),
        (job(base, tmp_path, start=str(other)), "no_adapter"),
        (job(base, tmp_path, momentum=0.9), "momentum: Extra inputs"),
        (job(base, tmp_path).model_copy(update={"rows": ()}), "no_rows"),
        (job(base, tmp_path, layers=3), "layers: the model has 2"),
    ):
        with pytest.raises(TuningError, match=f"bad_job: .*{told}"):
            await trainer.fit(PYTHON, bad, silent)
