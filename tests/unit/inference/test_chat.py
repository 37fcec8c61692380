"""Calls of a model, answered in memory by httpx itself."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from contracts.errors import Fallback, ModelError
from contracts.model_calls import ChatRequest, Message
from integrations.inference import chat
from integrations.inference.budget import Budget
from integrations.inference.chat import ChatClient, ChatEndpoint, Dialect, Phi
from integrations.inference.patience import REST_S
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database

REQUEST = ChatRequest(step="judge", messages=(Message(role="user", content="hr"),), choices=("1", "2"), max_tokens=4)
TOKEN = {
    "token": "2",
    "logprob": -0.1,
    "top_logprobs": [{"token": "2", "logprob": -0.1}, {"token": "1", "logprob": -3}],
}
ANSWER = {
    "model": "ward-8b@3",
    "prompt_token_ids": [7, 8],
    "choices": [
        {"message": {"content": "2"}, "finish_reason": "stop", "token_ids": [17], "logprobs": {"content": [TOKEN]}}
    ],
}


def client(
    answer: Callable[[httpx.Request], httpx.Response],
    phi: Phi = Phi.ALLOWED,
    dialect: Dialect = Dialect.VLLM,
    budget: Budget | None = None,
) -> ChatClient:
    endpoint = ChatEndpoint("reasoning", "http://model.test/v1", "ward-8b", phi, dialect, 5.0, "k3y")
    return ChatClient(endpoint, budget=budget, transport=httpx.MockTransport(answer))


async def refusal(answer: Callable[[httpx.Request], httpx.Response], **how: Any) -> tuple[str, str]:
    with pytest.raises(ModelError) as refused:
        await client(answer, **how).ask(REQUEST)
    return refused.value.kind, str(refused.value)


async def test_a_call_keeps_what_the_server_gave() -> None:
    call = await client(lambda _: httpx.Response(200, json=ANSWER)).ask(REQUEST)
    assert (call.content, call.model, call.endpoint) == ("2", "ward-8b@3", "reasoning")
    assert (call.prompt_token_ids, call.completion_token_ids, call.logprobs) == ((7, 8), (17,), (-0.1,))
    assert [(t.token, t.logprob) for t in call.top_logprobs[0]] == [("2", -0.1), ("1", -3)]
    assert call.grammar_hash
    assert call.measured_on == (), "every call says where its model was measured"


@pytest.mark.parametrize(("dialect", "closed"), [(Dialect.VLLM, True), (Dialect.OPENAI, False)])
async def test_only_our_own_server_is_asked_for_a_closed_choice_and_token_ids(dialect: Dialect, closed: bool) -> None:
    sent: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer k3y"
        sent.append(json.loads(request.content))
        return httpx.Response(200, json=ANSWER)

    await client(answer, dialect=dialect).ask(REQUEST)
    assert (sent[0].get("structured_outputs") == {"choice": ["1", "2"]}) is closed
    assert sent[0].get("return_token_ids", False) is closed


@pytest.mark.parametrize("phi", [Phi.NONE, Phi.SURROGATES])
async def test_an_endpoint_that_may_not_see_patients_is_never_asked(phi: Phi) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise AssertionError("was asked")

    assert (await refusal(answer, phi=phi))[0] == Fallback.FORBIDDEN


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(httpx.ReadTimeout, Fallback.TOO_SLOW), (httpx.ConnectTimeout, Fallback.UNREACHABLE),
     (httpx.ConnectError, Fallback.UNREACHABLE)],
)  # fmt: skip
async def test_no_answer_is_classified(fault: type[httpx.TransportError], kind: Fallback) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise fault("Zebedee", request=request)

    found, message = await refusal(answer)
    assert found == kind
    assert "Zebedee" not in message


async def test_an_endpoint_that_is_too_slow_twice_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(clock[0])
        raise httpx.ReadTimeout("slow", request=request)

    clock = [100.0]
    monkeypatch.setattr(chat.time, "monotonic", lambda: clock[0])
    slow = client(answer)
    for moment in (100.0, 101.0, 102.0, 101.0 + REST_S + 1):
        clock[0] = moment
        with pytest.raises(ModelError) as refused:
            await slow.ask(REQUEST)
        assert refused.value.kind == Fallback.TOO_SLOW
    assert asked == [100.0, 101.0, 101.0 + REST_S + 1]


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
async def test_a_refused_call_is_unreachable_without_its_text(status: int) -> None:
    found, message = await refusal(lambda _: httpx.Response(status, text="Zebedee"))
    assert (found, "Zebedee" in message) == (Fallback.UNREACHABLE, False)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{"message": {}}], "model": "m"}',
             json.dumps(ANSWER | {"model": None}).encode()]
)  # fmt: skip
async def test_what_is_no_chat_completion_is_nonsense(body: bytes) -> None:
    assert (await refusal(lambda _: httpx.Response(200, content=body)))[0] == Fallback.NONSENSE


@pytest.mark.parametrize("choices", [["x"], [{**ANSWER["choices"][0], "logprobs": "x"}]], ids=["choice", "logprobs"])
async def test_wrongly_typed_parts_of_an_answer_are_nonsense_too(choices: list[Any]) -> None:
    assert (await refusal(lambda _: httpx.Response(200, json=ANSWER | {"choices": choices})))[0] == Fallback.NONSENSE


async def test_an_answer_that_drips_is_given_up_in_time() -> None:
    class Drips(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                await asyncio.sleep(0.01)
                yield b" "

    made = client(lambda _: httpx.Response(200, stream=Drips()))
    made.endpoint = replace(made.endpoint, timeout_s=0.1)
    with pytest.raises(ModelError) as refused:
        await asyncio.wait_for(made.ask(REQUEST), 5)
    assert refused.value.kind == Fallback.TOO_SLOW


async def test_an_answer_of_many_brackets_is_nonsense() -> None:
    assert (await refusal(lambda _: httpx.Response(200, content=b"[" * 100_000)))[0] == Fallback.NONSENSE


@pytest.mark.parametrize("status", [429, 503])
async def test_an_endpoint_that_says_when_to_come_again_is_not_asked_before(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    asked: list[float] = []

    def answer(_: httpx.Request) -> httpx.Response:
        asked.append(clock[0])
        return httpx.Response(200, json=ANSWER) if len(asked) > 1 else httpx.Response(status, headers=again)

    clock, again = [100.0], {"Retry-After": "600"}
    monkeypatch.setattr(chat.time, "monotonic", lambda: clock[0])
    busy = client(answer)
    for moment in (100.0, 101.0, 699.0):
        clock[0] = moment
        with pytest.raises(ModelError) as refused:
            await busy.ask(REQUEST)
        assert refused.value.kind == Fallback.UNREACHABLE
    clock[0] = 701.0
    assert (await busy.ask(REQUEST)).content == "2"
    assert asked == [100.0, 701.0]


async def test_a_request_that_the_endpoint_refuses_closes_it_to_no_other() -> None:
    asked: list[int] = []

    def answer(_: httpx.Request) -> httpx.Response:
        asked.append(1)
        return httpx.Response(200, json=ANSWER) if len(asked) > 4 else httpx.Response(400)

    strict = client(answer)
    for _ in range(4):
        with pytest.raises(ModelError):
            await strict.ask(REQUEST)
    assert (await strict.ask(REQUEST)).content == "2"


async def test_a_spent_budget_keeps_the_endpoint_from_being_asked(db: Database) -> None:
    asked: list[int] = []

    def answer(_: httpx.Request) -> httpx.Response:
        asked.append(1)
        return httpx.Response(200, json=ANSWER | {"usage": {"prompt_tokens": 1500, "completion_tokens": 500}})

    paid = client(answer, budget=Budget(db, Auditor("test", b"k"), "reasoning", cost_1000_tokens=0.1, a_day=0.3))
    for _ in range(2):
        call = await paid.ask(REQUEST)
    assert (call.prompt_tokens, call.completion_tokens) == (1500, 500)
    with pytest.raises(ModelError) as refused:
        await paid.ask(REQUEST)
    assert refused.value.kind == Fallback.SPENT and len(asked) == 2


async def test_what_holds_nothing_of_a_patient_may_be_asked_of_any_endpoint() -> None:
    closed = client(lambda _: httpx.Response(200, json=ANSWER), phi=Phi.NONE)
    assert (await closed.ask_without_patient(REQUEST)).content == "2"


class Endless(httpx.AsyncByteStream):
    """Sends until nobody reads any more."""

    sent_bytes = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.sent_bytes += 2**16
            yield b" " * 2**16


async def test_an_answer_without_end_is_given_up() -> None:
    stream = Endless()
    assert (await refusal(lambda _: httpx.Response(200, stream=stream)))[0] == Fallback.NONSENSE
    assert stream.sent_bytes <= chat.MOST_BYTES + 2**17
    with pytest.raises(ModelError):
        await client(lambda _: httpx.Response(200, stream=Endless())).served()


@pytest.mark.parametrize("encoding", ["gzip", "br", "gzip, identity"])
async def test_a_compressed_answer_is_refused_before_it_is_unpacked(encoding: str) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["accept-encoding"])
        bomb = Endless()
        return httpx.Response(200, stream=bomb, headers={"content-encoding": encoding})

    assert (await refusal(answer))[0] == Fallback.NONSENSE
    with pytest.raises(ModelError):
        await client(answer).served()
    assert asked == ["identity"] * 2


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://gpu.test/v1", True), ("http://127.0.0.1:8000/v1", True), ("http://127.8.9.1/v1", True), ("", True),
        ("http://localhost:1/v1", True), ("http://[::1]:8000/v1", True), ("http://gpu.test/v1", False),
        ("http://10.0.0.5/v1", False), ("http://127.0.0.1.evil.test/", False), ("http://localhost@evil.test/", False),
        ("HTTP://gpu.test", False), ("http://[::2]/v1", False), ("ftp://127.0.0.1@x/", False),
        ("http://0.0.0.0/", False),
    ],
)  # fmt: skip
def test_only_tls_and_this_machine_keep_what_is_sent_private(url: str, kept: bool) -> None:
    assert chat.private(url) is kept
