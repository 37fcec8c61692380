"""What an operator's tools ask a process: does it live, can it do its duty, and its figures."""

import asyncio
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.process.health import Health
from service.process.metrics import CONTENT_TYPE, Metrics


class CountedAnswers:
    """Counts what was sent here by the answer that it got; plain ASGI, since every event passes it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.answered[message["status"]] += 1
            await send(message)

        sent = scope["type"] == "http" and scope["method"] not in ("GET", "HEAD", "OPTIONS")
        await self._app(scope, receive, counted if sent else send)


def mount(app: FastAPI, health: Health, metrics: Metrics) -> None:
    """Add `/livez`, `/readyz` and `/metrics`; they hold nothing of any patient."""
    app.add_middleware(CountedAnswers, metrics=metrics)

    @app.get("/livez", include_in_schema=False)
    async def livez() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> JSONResponse:
        ready = health.ready()
        parts: dict[str, Any] = {part: seen.model_dump() for part, seen in health.parts().items()}
        return JSONResponse({"ready": ready, "parts": parts}, status_code=200 if ready else 503)

    @app.get("/metrics", include_in_schema=False)
    async def figures() -> Response:
        return Response(await asyncio.to_thread(metrics.text), media_type=CONTENT_TYPE)
