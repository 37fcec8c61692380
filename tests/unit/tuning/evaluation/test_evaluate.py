"""The same graph on frozen charts, with a model that says what the test wrote down; no process, no socket."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agents import level_graph
from agents.ed_triage import rules
from agents.ed_triage.pathway import EdTriage
from agents.pathway import ChatPort
from contracts.classical import CrossFitJob, Told
from contracts.ed_triage import EdTriageOptions
from contracts.errors import ConfigurationError, Fallback, ModelError, WardflowError
from contracts.model_calls import ChatRequest, ModelCall
from integrations.inference.chat import Dialect, Phi
from integrations.ledger.database import Database
from service.commands import cli, console
from service.commands.evaluate import deployed
from service.process import settings
from service.synthetic import arrivals
from tests.fakes.parts import PARTS
from tests.fakes.scripted_chat import ScriptedChat, favouring
from tuning import estimating
from tuning.evaluation import estimates, evaluate, figures, labelled, predictions
from tuning.evaluation.evaluate import EvaluationPlan, Judge
from tuning.judgement import Judgement

COUNT = 12
PATHWAY = EdTriage(EdTriageOptions(scale="ktas"))


@pytest.fixture
def bundles() -> list[dict[str, Any]]:
    def arrived() -> Iterator[dict[str, Any]]:
        for parts in arrivals.synthetic(3, COUNT):
            yield parts[0] | {"entry": [entry for part in parts for entry in part["entry"]]}

    return list(arrived())


@pytest.fixture
def plan(tmp_path: Path, bundles: list[dict[str, Any]]) -> EvaluationPlan:
    cases, labels = tmp_path / "cases.ndjson", tmp_path / "labels.csv"
    cases.write_text("\n".join(map(json.dumps, bundles)) + "\n")
    rows = [f"{arrivals.encounter_of(bundle)},2,{number % 5 + 1}" for number, bundle in enumerate(bundles)]
    labels.write_text("\n".join(["case_id,expert_level,nurse_level", *rows]) + "\n", encoding="utf-8-sig")
    return EvaluationPlan(cases, labels, "expert_level", state=tmp_path / "state")


async def run(plan: EvaluationPlan, pathway: EdTriage, port: ChatPort | None, model: str = "") -> dict[str, Judgement]:
    return (await evaluate.run(plan, pathway, port, model)).judged


def changed(plan: EvaluationPlan, **changes: Any) -> EvaluationPlan:
    return EvaluationPlan(**(vars(plan) | changes))


async def test_without_a_model_the_rules_are_measured_alone_and_the_reviewer_beside_them(plan: EvaluationPlan) -> None:
    judged = await run(changed(plan, reviewer_column="nurse_level"), PATHWAY, None)
    assert list(judged) == ["rules", "reviewer"]
    assert judged["rules"].n == judged["reviewer"].n == COUNT
    assert judged["rules"].by_rules is None
    assert judged["rules"].expected_calibration_error is None
    floors = [level_graph.floor(rules.findings(facts)) for facts in labelled.charts(plan.cases, PATHWAY, None)]
    assert judged["rules"].declined == floors.count(None) > 0, "rules without a floor give no level"
    assert sum(map(sum, judged["rules"].confusion)) == COUNT - floors.count(None)
    assert [row[:1] for row in judged["reviewer"].confusion] == [(0,), (3,), (0,), (0,), (0,)]


async def test_a_model_is_measured_by_the_levels_that_the_graph_selects(plan: EvaluationPlan) -> None:
    judged = await run(plan, PATHWAY, ScriptedChat(favouring("2", 0.6)), "scripted")
    assert list(judged) == ["rules", "model"]
    model = judged["model"]
    assert (model.by_rules, model.accuracy) == (0, 1)
    assert model.expected_calibration_error == pytest.approx(0.4)


async def test_the_chart_is_judged_as_it_was_shortly_after_arrival(plan: EvaluationPlan) -> None:
    facts = labelled.charts(plan.cases, PATHWAY, 1)[0]
    assert facts.as_of.isoformat() == "2026-01-05T08:05:00+00:00"
    assert facts.number("hr")


async def test_what_was_answered_is_not_asked_again(plan: EvaluationPlan) -> None:
    first, second = ScriptedChat(favouring("4")), ScriptedChat(favouring("1"))
    before = await run(plan, PATHWAY, first, "scripted")
    after = await run(plan, PATHWAY, second, "scripted")
    assert len(first.asked) == COUNT
    assert second.asked == []
    assert before == after


async def test_an_interrupted_run_goes_on_where_it_was_cut_off(plan: EvaluationPlan) -> None:
    await run(changed(plan, limit=5), PATHWAY, ScriptedChat(favouring("4")), "scripted")
    assert plan.state
    kept = plan.state / "predictions-model.ndjson"
    kept.write_bytes(kept.read_bytes()[:-20])
    chat = ScriptedChat(favouring("4"))
    await run(plan, PATHWAY, chat, "scripted")
    assert len(chat.asked) == COUNT - 4
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    assert len({line["encounter_id"] for line in lines}) == len(lines) == COUNT


async def test_another_model_or_another_chart_is_asked_anew(plan: EvaluationPlan) -> None:
    await run(plan, PATHWAY, ScriptedChat(favouring("4")), "scripted")
    other = ScriptedChat(favouring("4"))
    await run(plan, PATHWAY, other, "another")
    assert len(other.asked) == COUNT
    lines = plan.cases.read_text().split("\n")
    lines[0] = lines[0].replace('"alert"', '"pain"').replace('"verbal"', '"pain"')
    plan.cases.write_text("\n".join(lines))
    again = ScriptedChat(favouring("4"))
    await run(plan, PATHWAY, again, "another")
    assert len(again.asked) == 1


async def test_a_case_that_fell_back_counts_by_rules_and_is_asked_again_next_time(plan: EvaluationPlan) -> None:
    fallen = await run(plan, PATHWAY, ScriptedChat(ModelError(Fallback.UNREACHABLE)), "scripted")
    assert fallen["model"].by_rules == fallen["model"].n == COUNT
    assert fallen["model"].expected_calibration_error is None
    assert fallen["model"].confusion == fallen["rules"].confusion
    back = ScriptedChat(favouring("2"))
    assert (await run(plan, PATHWAY, back, "scripted"))["model"].by_rules == 0
    assert len(back.asked) == COUNT


async def test_no_more_than_eight_cases_are_at_a_model_at_once(plan: EvaluationPlan) -> None:
    class Counting(ScriptedChat):
        now = most = 0

        async def ask(self, request: ChatRequest) -> ModelCall:
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0)
            self.now -= 1
            return await super().ask(request)

    chat = Counting(favouring("2"))
    await run(plan, PATHWAY, chat, "scripted")
    assert 1 < chat.most <= predictions.CONCURRENT


AMISS = {
    "a column is missing": ({"label_column": "gold"}, "no column 'gold'"),
    "the reviewer's column is missing": ({"reviewer_column": "doctor"}, "no column 'doctor'"),
    "a model is judged that nobody serves": ({"judges": (Judge.MODEL,)}, "--model-url"),
}


@pytest.mark.parametrize("amiss", AMISS)
async def test_a_plan_that_is_amiss_is_told_in_one_line(plan: EvaluationPlan, amiss: str) -> None:
    changes, said = AMISS[amiss]
    with pytest.raises(ConfigurationError, match=said):
        await run(changed(plan, **changes), PATHWAY, None)


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "no encounters"), ("\n\n", "no encounters"), ("{", "line 1"), ("[]", "line 1"), ('{"entry": [7]}', "line 1"),
     ('{"entry": []}', "line 1 has no Encounter"),
     ('{"entry": [{"resource": {"resourceType": "Encounter"}}]}', "line 1"),
     ('{"entry": [{"resource": {"resourceType": "Encounter", "id": "e", "period": {"start": "soon"}}}]}', "line 1")],
)  # fmt: skip
async def test_a_file_that_holds_no_charts_is_told_with_its_line(plan: EvaluationPlan, content: str, said: str) -> None:
    plan.cases.write_text(content)
    with pytest.raises(ConfigurationError, match=said):
        await run(plan, PATHWAY, None)


async def test_a_repeated_encounter_is_refused(plan: EvaluationPlan) -> None:
    line = plan.cases.read_text().split("\n")[0]
    plan.cases.write_text(f"{line}\n{line}\n")
    with pytest.raises(ConfigurationError, match="line 2 repeats"):
        await run(plan, PATHWAY, None)


@pytest.mark.parametrize(("level", "said"), [("", "is missing"), ("7", "is none of 1, 2, 3, 4, 5")])
async def test_a_label_that_is_missing_or_no_level_is_told_before_a_model_is_asked(
    plan: EvaluationPlan, level: str, said: str
) -> None:
    lines = plan.labels.read_text(encoding="utf-8-sig").splitlines()
    lines[-1] = lines[-1].replace(",2,", f",{level},")
    plan.labels.write_text("\n".join(lines))
    chat = ScriptedChat(favouring("2"))
    with pytest.raises(ConfigurationError, match=said):
        await run(plan, PATHWAY, chat, "scripted")
    assert chat.asked == []


def test_charts_go_to_another_machine_only_where_that_is_said() -> None:
    given = ("m", Phi.NONE, Dialect.VLLM)
    with pytest.raises(ConfigurationError, match=r"models\.example"):
        evaluate.endpoint("https://models.example/v1", *given)
    inside = evaluate.endpoint("http://127.0.0.1:8000/v1/", *given)
    outside = evaluate.endpoint("https://models.example/v1", "m", Phi.ALLOWED, Dialect.OPENAI)
    assert inside
    assert outside
    assert (inside.url, inside.phi, outside.phi) == ("http://127.0.0.1:8000/v1", Phi.ALLOWED, Phi.ALLOWED)
    with pytest.raises(ConfigurationError, match="go together"):
        evaluate.endpoint("http://127.0.0.1:8000/v1", None, Phi.NONE, Dialect.VLLM)


def test_an_unknown_pathway_is_a_fault_of_configuration() -> None:
    with pytest.raises(WardflowError, match="agents/dialysis"):
        settings.pathway_named("dialysis", {})


async def test_json_is_one_line_and_the_images_are_named_by_judge(plan: EvaluationPlan) -> None:
    said = json.loads(await evaluate.told(changed(plan, reviewer_column="nurse_level"), PATHWAY, None, True))
    assert set(said) == {"rules", "reviewer"}
    assert said["rules"]["n"] == COUNT
    assert len(said["rules"]["interval_95"]["accuracy"]) == 2
    assert plan.state
    for name in said:
        assert (plan.state / f"confusion-{name}.png").read_bytes().startswith(b"\x89PNG")


async def test_the_table_tells_each_figure_with_its_interval(plan: EvaluationPlan) -> None:
    judged = await run(plan, PATHWAY, ScriptedChat(favouring("2")), "scripted")
    said = figures.table("model", judged["model"])
    assert "model: 12 cases, 0 of them by rules, 0 declined" in said
    assert "accuracy                    1.000  [1.000, 1.000]" in said


@pytest.mark.parametrize(("column", "code"), [("expert_level", 0), ("gold", 2)])
def test_the_command_tells_by_its_exit_code(
    plan: EvaluationPlan, column: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(status: int) -> None:
        raise SystemExit(status)

    monkeypatch.setattr(console, "leave", leave)  # the real one ends the process at once
    files = ["--cases", str(plan.cases), "--labels", str(plan.labels), "--label-column", column]
    ended = CliRunner().invoke(cli.command_line(), ["evaluate", "--pathway", "ed_triage", *files, "--json"])
    assert ended.exit_code == code, ended.output
    if code:
        assert "wardflow: labels: labels.csv has no column 'gold'\n" in ended.output
        assert not ended.stdout
    else:
        assert json.loads(ended.stdout)["rules"]["n"] == COUNT


def estimated(plan: EvaluationPlan, **changes: Any) -> EvaluationPlan:
    wanted = estimates.Estimating(Path("nowhere"), decisions=plan.labels, column="nurse_level")
    told = {"estimating": wanted, "reviewer_column": "nurse_level", "judges": (Judge.COMBINED,), "alerts": 0.25}
    return changed(plan, **(told | changes))


@pytest.fixture
def fitted_on(monkeypatch: pytest.MonkeyPatch) -> list[CrossFitJob]:
    """An estimator that says level 2 of every case."""
    jobs: list[CrossFitJob] = []

    async def cross_fit(python: Path, job: CrossFitJob, told: Callable[[str], None]) -> Told:
        jobs.append(job)
        one, fold = (0.1, 0.6, 0.1, 0.1, 0.1), tuple(n % 2 for n in range(len(job.rows)))
        inner = tuple(tuple(one for n in fold if n != number) for number in (0, 1))
        return Told(probabilities=tuple(one for _ in job.rows), fold=fold, inner=inner)

    monkeypatch.setattr(estimating, "cross_fit", cross_fit)
    return jobs


async def test_the_combined_judge_learns_from_decisions_and_is_raised_to_the_floor_of_the_rules(
    plan: EvaluationPlan, fitted_on: list[CrossFitJob]
) -> None:
    measured = await evaluate.run(estimated(plan), PATHWAY, None)
    assert list(measured.judged) == ["combined", "reviewer"]
    assert [max(range(5), key=row.target.__getitem__) + 1 for row in fitted_on[0].rows] == [
        number % 5 + 1 for number in range(COUNT)
    ]
    assert measured.second_reader
    assert len(measured.second_reader.flagged) == COUNT // 4
    floors = [level_graph.floor(rules.findings(facts)) for facts in labelled.charts(plan.cases, PATHWAY, None)]
    assert floors.count("1") <= measured.judged["combined"].confusion[1][0]
    await evaluate.run(estimated(plan), PATHWAY, None)
    assert len(fitted_on) == 1  # kept in the state folder


async def test_with_a_model_the_combined_judge_is_measured_with_and_without_it(
    plan: EvaluationPlan, fitted_on: list[CrossFitJob]
) -> None:
    said = await evaluate.run(estimated(plan), PATHWAY, ScriptedChat(favouring("2")), "scripted")
    assert list(said.judged) == ["combined", "combined_without_model", "reviewer"]
    assert said.model_adds
    assert said.model_adds.interval_95[0] <= said.model_adds.kappa <= said.model_adds.interval_95[1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"estimating": None}, "--decisions"),
        ({"reviewer_column": None}, "--reviewer-column"),
        ({"label_column": "nurse_level"}, "can't train"),
        ({"estimating": estimates.Estimating(Path("nowhere"), fitted=Path("nowhere"))}, "report.json"),
        ({"estimating": estimates.Estimating(Path("nowhere"), decisions=Path("x.csv"))}, "go together"),
    ],
)
async def test_an_estimator_that_cannot_be_made_is_told_in_one_line(
    plan: EvaluationPlan, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        await evaluate.run(estimated(plan, **changes), PATHWAY, None)


def test_an_alias_is_asked_where_a_stack_serves_what_it_means(tmp_path: Path) -> None:
    parts = PARTS | {"ledger_url": f"sqlite:///{tmp_path / 'ledger.db'}"}
    model = {"url": "https://gpu/v1", "model": "alias:champion", "base": "untuned", "phi": "allowed", "dialect": "vllm"}
    (tmp_path / "parts.json").write_text(json.dumps(parts | {"models": {"reasoning": model}}))
    opened = settings.load(tmp_path)
    Database(opened.parts.ledger_url).create()
    asked = deployed(opened, "alias:champion", evaluate.TIMEOUT_S)
    assert (asked.url, asked.model, asked.timeout_s) == ("https://gpu/v1", "untuned", evaluate.TIMEOUT_S)
    with pytest.raises(ConfigurationError, match="no role"):
        deployed(opened, "alias:other", evaluate.TIMEOUT_S)
