"""Builds what the processes share from the settings."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path

from temporalio.client import Client

from activities.workbench import Workbench
from activities.world import World
from integrations.blobs.store import BlobStore
from integrations.fhir.client import FhirClient
from integrations.fhir.feed import Feed
from integrations.inference import router
from integrations.inference.budget import Budget
from integrations.inference.chat import ChatClient
from integrations.inference.transcription import SPEECH, TranscriptionClient
from integrations.ledger.audit import Auditor, begin, chain_name
from integrations.ledger.database import Database
from integrations.ledger.records import Records
from integrations.live.worklist import LiveWorklist
from integrations.reference.clincalc import Clincalc
from integrations.sandbox.monty import Sandbox
from service.process.seals import Seals
from service.process.secrets import Secrets, create_secrets, load_secrets
from service.process.settings import ModelSettings, Settings, load, pathway_named, stores
from service.process.temporal import connect

EVIDENCE = ("Encounter", "Patient")
"""Every suggestion rests on them, whatever opens its case: a birth date that is corrected is news (I18)."""


@dataclass(frozen=True)
class OpenedState:
    """A state folder with what one process or command works with."""

    settings: Settings
    secrets: Secrets
    world: World


def opened(state: Path, chain: str) -> OpenedState:
    """Open a state folder; audit records go to the chain of that name. Raises ConfigurationError, LedgerError."""
    read, secrets = load(state.resolve()), load_secrets(state)
    return OpenedState(read, secrets, world(read, secrets, chain))


async def cases_client(state: OpenedState) -> Client:
    """Return a client that opens what the running cases hold. Raises RuntimeError while Temporal is away."""
    parts, seals = state.settings.parts, Seals(state.world.records.db)
    return await connect(
        parts.temporal, parts.temporal_namespace, state.secrets.keyring(), opened_before=seals.opened_before
    )


def records(ledger_url: str, blobs_url: str, secrets: Secrets, chain: str) -> Records:
    """Open ledger and blobs; audit records go to the chain of that name, a new one since a restore."""
    db = Database(ledger_url)
    db.create()
    with db.read() as tx:
        chain = chain_name(tx, chain)
    auditor = Auditor(chain, secrets.audit_bytes())
    begin(db, auditor)
    return Records(db, BlobStore.at(blobs_url, secrets.keyring()), auditor)


def world(settings: Settings, secrets: Secrets, chain: str) -> World:
    """Return the world of one process; its audit records go to the chain of that name, a new one since a restore."""
    kept = records(settings.parts.ledger_url, settings.parts.blobs_url, secrets, chain)
    return World(
        records=kept,
        fhir=FhirClient(settings.parts.fhir_url, secrets.fhir_token.get_secret_value()),
        live=LiveWorklist(settings.parts.redis_url),
        pathways=settings.pathway_objects(),
        models={role: _client(kept, role, model) for role, model in settings.models.items()},
        version=version("wardflow"),
        calculator=Sandbox(),
        reference=Clincalc(settings.parts.reference_python),
        ports={name: pathway.ports for name, pathway in settings.pathways.items()},
        revised_for=timedelta(days=settings.timing.revised_days),
    )


def workbench(state: Path, venv: Path, chain: str) -> Workbench:
    """Return the workbench of a state folder, made where it is missing."""
    state.mkdir(parents=True, exist_ok=True)
    create_secrets(state)
    kept = stores(state)
    return Workbench(
        state=state,
        python=venv.absolute() / "bin" / "python",
        records=records(kept.ledger_url, kept.blobs_url, load_secrets(state), chain),
        pathway=pathway_named,
    )


def feed_types(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return each feed that a pathway names, with the types that triggers or all suggestions need, once each."""
    types: dict[str, dict[str, None]] = {}
    for pathway in settings.pathways.values():
        wanted = [trigger.resource for trigger in pathway.triggers]
        types.setdefault(pathway.feed, {}).update(dict.fromkeys([*wanted, *EVIDENCE]))
    return {feed: tuple(wanted) for feed, wanted in types.items()}


def feeds(settings: Settings, secrets: Secrets, built: World) -> list[Feed]:
    """Return each feed with its Subscriptions' address and secret."""
    base = f"http://127.0.0.1:{settings.parts.gateway_port}/feeds"
    secret = secrets.feed_secret.get_secret_value()
    return [Feed(name, built.fhir, wanted, f"{base}/{name}", secret) for name, wanted in feed_types(settings).items()]


def _client(kept: Records, role: str, model: ModelSettings) -> ChatClient:
    endpoint = model.endpoint(role)
    budget = (
        Budget(kept.db, kept.auditor, role, model.cost_1000_tokens, model.budget_a_day)
        if model.cost_1000_tokens
        else None
    )
    if model.dialect in SPEECH:
        return TranscriptionClient(endpoint, kept.blobs.get, budget)
    return ChatClient(endpoint, partial(router.resolve, kept.db) if router.alias_of(endpoint) else None, budget)
