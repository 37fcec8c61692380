"""Chat completions at any OpenAI-compatible URL, kept exactly as the server answered."""

import asyncio
import hashlib
import ipaddress
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import httpx

from contracts.errors import Fallback, ModelError
from contracts.model_calls import ChatRequest, ModelCall, TokenLogprob
from integrations import clock, retry_after
from integrations.inference.budget import Budget
from integrations.inference.patience import Patience

TOP_LOGPROBS = 20
MOST_BYTES = 8 * 1024 * 1024  # of one answer
MOST_WAIT_S = 86_400.0  # a longer Retry-After is taken for a mistake


class Phi(StrEnum):
    """What an endpoint may see (I16)."""

    NONE = "none"
    SURROGATES = "surrogates"
    """De-identified text only; charts are not, so it counts as none until de-identification exists."""
    ALLOWED = "allowed"


class Dialect(StrEnum):
    VLLM = "vllm"
    """Closed choices by grammar, and the server's own token ids."""
    OPENAI = "openai"
    """Choices by instruction only; no token ids, so such calls never train."""
    FASTER_WHISPER = "faster_whisper"
    """Speech, as our own server takes it: OpenAI's shape, and names to listen for."""
    OPENAI_AUDIO = "openai_audio"
    """Speech in OpenAI's multipart shape; names go in as a prompt."""
    AZURE_SPEECH = "azure_speech"
    """Speech at Azure's LLM Speech REST, with its phrase list."""


@dataclass(frozen=True)
class ChatEndpoint:
    """Where a role is served. `url` ends before `/chat/completions`; `model` may be an alias (`router`)."""

    name: str
    url: str
    model: str
    phi: Phi
    dialect: Dialect
    timeout_s: float
    api_key: str = ""
    base: str = ""
    measured_on: tuple[str, ...] = ()
    """Pathways on which this very model was measured; of an alias, what it means until something is promoted."""


def loopback(url: str) -> bool:
    """Return whether a URL names this machine itself."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def private(url: str) -> bool:
    """Return whether nobody on the network can read what is sent there; an empty URL is served by `wardflow up`."""
    return not url or url.lower().startswith("https://") or loopback(url)


def admit(endpoint: ChatEndpoint) -> None:
    """Refuse patient data to an endpoint that may not see it. Raises ModelError(FORBIDDEN)."""
    if endpoint.phi != Phi.ALLOWED:
        raise ModelError(Fallback.FORBIDDEN, f"endpoint {endpoint.name} has phi={endpoint.phi}")


class ChatClient:
    """One endpoint. Raises ModelError, classified by `Fallback`; never retries by itself."""

    def __init__(
        self,
        endpoint: ChatEndpoint,
        route: Callable[[ChatEndpoint], ChatEndpoint] | None = None,
        budget: Budget | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`route` is asked before each call where the endpoint's model is an alias; without a budget all is free.

        Without a `transport`, requests go over the network.
        """
        self.endpoint, self._route, self._budget = endpoint, route, budget
        self._patience = Patience()
        headers = {"Accept-Encoding": "identity"}
        headers |= {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
        timeout = httpx.Timeout(endpoint.timeout_s, connect=2.0)
        self._http = httpx.AsyncClient(headers=headers, timeout=timeout, transport=transport)

    async def close(self) -> None:
        """Give back the connections."""
        await self._http.aclose()

    async def now(self) -> ChatEndpoint:
        """Return the endpoint with an immutable model, as it is at this moment. Raises ModelError(UNREACHABLE)."""
        return await asyncio.to_thread(self._route, self.endpoint) if self._route else self.endpoint

    async def served(self) -> list[str]:
        """Return the names of the models that the endpoint serves. Raises ModelError(UNREACHABLE)."""
        url = (await self.now()).url
        try:
            async with asyncio.timeout(self.endpoint.timeout_s):
                answer = (await self._fetch("GET", f"{url}/models")).raise_for_status().json()
            return [model["id"] for model in answer["data"]]
        except (httpx.HTTPError, TimeoutError, ValueError, KeyError, TypeError, RecursionError) as fault:
            raise ModelError(Fallback.UNREACHABLE, type(fault).__name__) from None

    async def ask(self, request: ChatRequest) -> ModelCall:
        """Return the answer with token ids and log-probabilities where the server gives them."""
        admit(self.endpoint)
        return await self.ask_without_patient(request)

    async def ask_without_patient(self, request: ChatRequest) -> ModelCall:
        """Return the answer to what holds nothing of a patient, so that any endpoint may see it."""
        if self._budget:
            await asyncio.to_thread(self._budget.admit)
        self._patience.admit()
        endpoint = await self.now()
        async with self._patience.attempt():
            called_at, start = clock.now(), time.monotonic()
            answer = await self._answer(endpoint, request)
            latency_ms = (time.monotonic() - start) * 1000
            call = self._call(request, answer, called_at, latency_ms)
            call = call.model_copy(update={"measured_on": endpoint.measured_on})
        if self._budget:
            await asyncio.to_thread(self._budget.add, call)
        return call

    async def _answer(self, endpoint: ChatEndpoint, request: ChatRequest) -> httpx.Response:
        try:
            async with asyncio.timeout(endpoint.timeout_s):  # httpx's own begins again with every byte
                answer = await self._post(endpoint, request)
        except (TimeoutError, httpx.TimeoutException) as fault:
            slow = Fallback.UNREACHABLE if isinstance(fault, httpx.ConnectTimeout) else Fallback.TOO_SLOW
            raise ModelError(slow, type(fault).__name__, retryable=True) from None
        except httpx.HTTPError as fault:
            raise ModelError(Fallback.UNREACHABLE, type(fault).__name__, retryable=True) from None
        if answer.status_code != 200:
            raise refusal(answer)
        return answer

    def _call(
        self, request: ChatRequest, response: httpx.Response, called_at: datetime, latency_ms: float
    ) -> ModelCall:
        try:
            return self._read(request, response.json(), called_at, latency_ms)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as fault:
            raise ModelError(Fallback.NONSENSE, f"no chat completion ({type(fault).__name__})") from None

    async def _post(self, endpoint: ChatEndpoint, request: ChatRequest) -> httpx.Response:
        return await self._fetch("POST", f"{endpoint.url}/chat/completions", json=_body(endpoint, request))

    async def _fetch(self, method: str, url: str, **content: Any) -> httpx.Response:
        """Return the whole answer. Raises ModelError(NONSENSE) for one that is compressed or too large."""
        async with self._http.stream(method, url, **content) as answer:
            # A megabyte of gzip unpacks to a thousand, and we ask for none.
            if answer.headers.get("content-encoding", "identity").lower() != "identity":
                raise ModelError(Fallback.NONSENSE, "answered with compressed bytes, which were not asked for")
            kept = bytearray()
            async for chunk in answer.aiter_bytes():
                kept += chunk
                if len(kept) > MOST_BYTES:
                    raise ModelError(Fallback.NONSENSE, f"answered with more than {MOST_BYTES} bytes")
        return httpx.Response(answer.status_code, headers=answer.headers, content=bytes(kept), request=answer.request)

    def _read(self, request: ChatRequest, answer: Any, called_at: datetime, latency_ms: float) -> ModelCall:
        choice = answer["choices"][0]
        if not answer["model"]:
            raise ValueError("the server does not say which model answered")
        told = (choice.get("logprobs") or {}).get("content")
        tokens = told or ()
        top = ((TokenLogprob(token=t["token"], logprob=t["logprob"]) for t in token.get("top_logprobs") or ())
               for token in tokens)  # fmt: skip
        used = answer.get("usage") or {}
        bound = json.dumps(request.choices) if request.choices else request.json_schema
        return ModelCall(
            request=request,
            content=choice["message"]["content"] or "",
            finish_reason=choice["finish_reason"],
            model=answer["model"],
            endpoint=self.endpoint.name,
            prompt_token_ids=answer.get("prompt_token_ids") or choice.get("prompt_token_ids"),
            completion_token_ids=choice.get("token_ids"),
            prompt_tokens=used.get("prompt_tokens"),
            completion_tokens=used.get("completion_tokens"),
            logprobs=tuple(token["logprob"] for token in tokens) if told is not None else None,
            top_logprobs=tuple(tuple(row) for row in top) if request.choices else (),
            grammar_hash=hashlib.sha256(bound.encode()).hexdigest() if bound else None,
            called_at=called_at,
            latency_ms=latency_ms,
        )


def refusal(answer: httpx.Response) -> ModelError:
    """Return what an answer other than 200 means: whether the endpoint is in trouble, and asks to be left alone."""
    status, wait_s = answer.status_code, 0.0
    in_trouble = status == 429 or status >= 500
    if in_trouble:
        wait_s = retry_after.seconds(answer.headers, MOST_WAIT_S)
    after = timedelta(seconds=wait_s) if wait_s > 0 else None
    return ModelError(Fallback.UNREACHABLE, f"answered {status}", retryable=in_trouble, retry_after=after)


def _body(endpoint: ChatEndpoint, request: ChatRequest) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": endpoint.model,
        "messages": [m.model_dump() for m in request.messages],
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "logprobs": True,
        "top_logprobs": TOP_LOGPROBS if request.choices else 0,
    }
    if endpoint.dialect == Dialect.VLLM:
        body["return_token_ids"] = True
        if request.choices:
            body["structured_outputs"] = {"choice": list(request.choices)}
    if request.json_schema:
        schema = {"name": request.step, "schema": json.loads(request.json_schema), "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body
