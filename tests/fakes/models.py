"""Registered models as rounds of tuning make them, and the endpoint that an alias is asked at."""

from contracts.tuning import FitKind, RegisteredModel, VerdictOutcome
from integrations import clock
from integrations.inference.chat import ChatEndpoint, Dialect, Phi
from integrations.ledger import registry
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database
from integrations.ledger.registry import CHAMPION

AUDITOR = Auditor("test", b"k" * 32)


def model(
    name: str,
    outcome: VerdictOutcome = VerdictOutcome.BETTER,
    reason: str = "",
    base: str = "b",
    adapter: str = "",
    parent: str | None = "base",
) -> RegisteredModel:
    """Return a tuned model of triage, made now."""
    return RegisteredModel(
        name=name, pathway="ed_triage", kind=FitKind.MODEL, parent=parent, base_sha256=base,
        adapter_sha256=adapter or name, tokenizer_sha256="t", template_sha256="t", data_sha256="d", code_sha256="c",
        settings={}, folder=f"tuning/{name}", evaluation={}, outcome=outcome, reason=reason, made_at=clock.now(),
    )  # fmt: skip


def endpoint(url: str, name: str = "alias:champion") -> ChatEndpoint:
    """Return the endpoint of role reasoning; its base is the model `untuned`."""
    return ChatEndpoint("reasoning", url, name, Phi.ALLOWED, Dialect.VLLM, timeout_s=1, base="untuned")


def promote(db: Database) -> None:
    """Register `untuned` and its child `a`, and make `a` the champion."""
    with db.write() as tx:
        registry.register(tx, AUDITOR, model("untuned", VerdictOutcome.UNTUNED, parent=None))
        registry.register(tx, AUDITOR, model("a", parent="untuned"))
        registry.promote(tx, AUDITOR, CHAMPION, "a", "n-okafor", "better")
