"""What Wardflow asks of a model endpoint: the tests' stand-in and the real model keep the same promises."""

import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator

import pytest
from pydantic import TypeAdapter

from agents import claims
from agents.ed_triage import prompts
from agents.ed_triage.pathway import EdTriage
from agents.pathway import Ports, probabilities
from contracts.charts import ChartFacts, Fact, FactKind
from contracts.ed_triage import EdTriageOptions
from contracts.errors import Fallback, ModelError
from contracts.model_calls import ModelCall
from contracts.suggestions import Choice, MadeBy
from infra import embedded, models
from integrations import clock
from integrations.inference.chat import ChatClient, ChatEndpoint, Dialect, Phi
from tests.fakes.model_server import ModelServer
from tests.real_model import serving
from tests.ward import ROOT
from tuning import jobs, replay

pytestmark = pytest.mark.integration
PATHWAY = EdTriage(EdTriageOptions())
RECOMPUTE = """
import json, sys
from dataclasses import asdict
from pathlib import Path
from pydantic import TypeAdapter
from contracts.model_calls import ModelCall
from tuning import replay
from tuning.policy import Policy

calls = TypeAdapter(list[ModelCall]).validate_json(sys.stdin.buffer.read())
print(json.dumps(asdict(replay.agreement(Policy(Path(sys.argv[1])), calls))))
"""
"""Runs in the model environment: recomputes captured calls with the trainer's own policy."""
CODES = tuple(Choice(code=level.code, display=level.display) for level in PATHWAY.scale.levels)


@pytest.fixture(scope="module")
def real_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(embedded.DEFAULTS[0], tmp_path_factory.mktemp("model") / "log") as url:
        yield url


@pytest.fixture(params=["stand-in", pytest.param("real", marks=pytest.mark.model)])
def endpoint(request: pytest.FixtureRequest, model_server: ModelServer) -> ChatEndpoint:
    if request.param == "real":
        url, name = request.getfixturevalue("real_url"), models.MODEL_NAME
    else:
        model_server.mode, model_server.stall = "good", None
        url, name = model_server.url, "fake"
    return ChatEndpoint("reasoning", url, name, Phi.ALLOWED, Dialect.VLLM, timeout_s=60)


@pytest.fixture
async def chat(endpoint: ChatEndpoint) -> AsyncIterator[ChatClient]:
    client = ChatClient(endpoint)
    yield client
    await client.close()


async def asked(endpoint: ChatEndpoint) -> ModelError:
    client = ChatClient(endpoint)
    with pytest.raises(ModelError) as refused:
        await client.ask(prompts.judge(facts(), PATHWAY.scale))
    await client.close()
    return refused.value


def facts(hr: str = "112") -> ChartFacts:
    def fact(key: str, kind: FactKind, label: str, value: str, number: float | None = None, unit: str = "") -> Fact:
        where = f"Observation/{key}/_history/1"
        return Fact(key=key, kind=kind, label=label, value=value, number=number, unit=unit, resource=where)

    told = (
        fact("age", FactKind.PRESENTATION, "Age", "61", 61, "years"),
        fact("complaint", FactKind.PRESENTATION, "Complaint", "chest pain, sweating"),
        fact("hr", FactKind.VITAL, "HR", hr, float(hr), "/min"),
    )
    return ChartFacts(encounter_id="e", patient="Patient/p", as_of=clock.now(), facts=told)


def aligned(call: ModelCall) -> bool:
    ids, logprobs = call.completion_token_ids, call.logprobs
    return bool(call.prompt_token_ids and ids and logprobs) and len(ids or ()) == len(logprobs or ())


async def test_a_closed_choice_comes_with_the_probability_of_every_level(chat: ChatClient) -> None:
    call = await chat.ask(prompts.judge(facts(), PATHWAY.scale))
    judged = probabilities(call, CODES)
    assert call.content in {c.code for c in CODES}
    assert sum(c.probability or 0 for c in judged) == pytest.approx(1)
    assert max(judged, key=lambda c: c.probability or 0).code == call.content, "greedy takes the likeliest"
    assert aligned(call) and call.finish_reason == "stop" and call.grammar_hash


async def test_reasons_come_as_json_that_cites_facts(chat: ChatClient) -> None:
    call = await chat.ask(prompts.explain(facts(), PATHWAY.scale, "2"))
    reasons = json.loads(call.content)["reasons"]
    assert 1 <= len(reasons) <= claims.MOST_REASONS
    assert {key for reason in reasons for key in reason["cites"]} <= {"age", "complaint", "hr"}
    assert aligned(call)


async def test_the_same_question_gets_the_same_probabilities(chat: ChatClient) -> None:
    request = prompts.judge(facts(), PATHWAY.scale)
    first, second = [probabilities(await chat.ask(request), CODES) for _ in range(2)]
    assert [c.probability for c in first] == pytest.approx([c.probability for c in second], abs=1e-4)


@pytest.mark.model
async def test_the_trainer_recomputes_what_the_server_said(real_url: str) -> None:
    endpoint = ChatEndpoint("reasoning", real_url, models.MODEL_NAME, Phi.ALLOWED, Dialect.VLLM, timeout_s=60)
    client = ChatClient(endpoint)
    calls = [await client.ask(prompts.judge(facts(hr), PATHWAY.scale)) for hr in ("48", "112", "160")]
    calls.append(await client.ask(prompts.explain(facts(), PATHWAY.scale, "2")))
    await client.close()
    python, model_dir = ROOT / models.VENV / models.PYTHON, ROOT / models.CACHE / models.MODEL_NAME
    found = subprocess.run(
        [python, "-c", RECOMPUTE, model_dir],
        input=TypeAdapter(list[ModelCall]).dump_json(calls),
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | jobs.OFFLINE | {"PYTHONPATH": str(ROOT)},
        check=True,
    )
    agreement = json.loads(found.stdout)
    print(f"largest difference of a log-probability: {agreement['largest_difference']:.2g}")
    assert (agreement["calls"], agreement["left_out"]) == (3, 1)
    assert agreement["largest_difference"] < replay.TOLERANCE / 10


async def test_the_graph_runs_on_it_without_temporal(chat: ChatClient) -> None:
    result = await PATHWAY.build(Ports({"reasoning": chat})).ainvoke({"facts": facts()})
    assert result["suggestion"].made_by == MadeBy.MODEL
    assert result["suggestion"].floor == "3"


async def test_an_endpoint_that_may_not_see_patients_is_never_asked(model_server: ModelServer) -> None:
    before = sum(model_server.asked.values())
    for phi in (Phi.NONE, Phi.SURROGATES):
        closed = ChatEndpoint("reasoning", model_server.url, "fake", phi, Dialect.VLLM, timeout_s=5)
        assert (await asked(closed)).kind == Fallback.FORBIDDEN
    assert sum(model_server.asked.values()) == before


async def test_an_endpoint_that_is_away_is_unreachable() -> None:
    away = ChatEndpoint("reasoning", "http://127.0.0.1:9/v1", "none", Phi.ALLOWED, Dialect.OPENAI, timeout_s=2)
    assert (await asked(away)).kind == Fallback.UNREACHABLE
