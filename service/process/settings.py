"""Every setting of the processes, read once here and handed down; the keys are in `secrets.py`."""

import json
import os
import tomllib
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from agents.pathway import Pathway
from contracts.decisions import Reviewer
from contracts.errors import ConfigurationError, ConfigurationFault
from contracts.frozen import Frozen
from contracts.roles import Role
from contracts.time_zones import DEFAULT, TimeZone
from integrations.inference.chat import ChatEndpoint, Dialect, Phi, private
from integrations.inference.transcription import SPEECH

DEFAULT_CONFIG = Path(__file__).with_name("wardflow.toml")
LEDGER_FILE, BLOBS_FOLDER = "ledger.db", "blobs"
"""Of a state folder that holds its stores itself."""


class PartSettings(Frozen):
    """Addresses of what Wardflow talks to; written by `wardflow up` for its local parts."""

    temporal: str
    """`host:port`."""
    temporal_namespace: str = "default"
    redis_url: str
    fhir_url: str
    gateway_port: int
    worklist_port: int
    dispatcher_port: int = 0
    """Of the dispatcher's health and figures; 0: any free one."""
    worker_port: int | None = None
    """Of the worker's metrics alone; None: it gives none."""
    ledger_url: str
    """SQLAlchemy URL."""
    blobs_url: str
    reference_python: Path | None = None
    """A Python that has clincalc; calculations of models are compared with it."""


class ModelSettings(Frozen):
    url: str
    """Empty: where `wardflow up` serves what the alias means."""
    model: str
    """As its server names it, or `alias:NAME`: what was promoted, looked up at each call."""
    base: str = ""
    """What the alias means until something was promoted."""
    phi: Phi = Phi.NONE
    dialect: Dialect = Dialect.OPENAI
    timeout_s: float = 20.0
    api_key_file: Path | None = None
    cost_1000_tokens: float = Field(default=0.0, ge=0)
    """Of prompt and answer alike, in any currency."""
    budget_a_day: float | None = Field(default=None, ge=0)
    """In the same currency, for a day in UTC; None: without end."""
    measured_on: tuple[str, ...] = ()
    """Pathways on which this very model was measured with `wardflow evaluate`; elsewhere it is shown as unsure."""
    embedded: bool = False
    """Served by `wardflow up`, which writes that itself."""

    @model_validator(mode="after")
    def _budget_of_what_costs(self) -> Self:
        if self.budget_a_day is not None and not self.cost_1000_tokens:
            raise ValueError("budget_a_day needs cost_1000_tokens: what is free is never spent")
        return self

    def endpoint(self, role: str) -> ChatEndpoint:
        """Return the endpoint of the role, with its key."""
        key = self.api_key_file.read_text().strip() if self.api_key_file else ""
        return ChatEndpoint(
            role, self.url.rstrip("/"), self.model, self.phi, self.dialect, self.timeout_s, key, self.base,
            self.measured_on,
        )  # fmt: skip


class UserSettings(Frozen):
    name: str
    role: str


class TriggerSettings(Frozen):
    resource: str
    category: str = ""
    """Code of a category that it must have; cheaper than the same as FHIRPath, since most events are another's."""
    where: str = ""
    """FHIRPath on the resource; empty matches all of the type."""
    opens: bool = False
    """Whether it opens a case, or only informs one that is open."""


class PathwaySettings(Frozen):
    feed: str
    roles: tuple[str, ...]
    deadline_s: float
    ladder_s: tuple[float, ...]
    triggers: tuple[TriggerSettings, ...]
    model_s: float = 120.0
    """So long the models of a suggestion may take together; then it is made by rules, with what they have answered."""
    options: dict[str, object] = {}
    ports: dict[str, str] = {}
    """A role of its agent to the block of [models] that serves it here; a role that is missing is served by its own."""

    @model_validator(mode="before")
    @classmethod
    def _of_older_versions(cls, given: object) -> object:
        """Drop `unit`, which older versions demanded and never used."""
        return {name: value for name, value in given.items() if name != "unit"} if isinstance(given, dict) else given

    @property
    def deadline(self) -> timedelta:
        return timedelta(seconds=self.deadline_s)

    @property
    def model_limit(self) -> timedelta:
        return timedelta(seconds=self.model_s)

    @property
    def ladder(self) -> tuple[timedelta, ...]:
        return tuple(timedelta(seconds=s) for s in self.ladder_s)


class TimingSettings(Frozen):
    window_quiet_s: float = 1.0
    """So long without a further event closes the window of an encounter."""
    window_most_s: float = 5.0
    reconcile_s: float = 15.0
    reconcile_overlap_s: float = 60.0
    watchdog_s: float = 1.0
    audit_export_s: float = 2.0
    outcomes_s: float = 5.0
    evidence_s: float = 0.5
    """The most that a person who decides waits for the look at the evidence; then it is repeated before write-back."""
    undo_s: float = 10.0
    """How long its author may take a decision back, from its recording to the beginning of write-back."""
    evidence_watch_s: float = 30.0
    """Between two looks at whether what cases show is still in the chart: not every server tells of a deletion."""
    revised_days: float = Field(default=7.0, ge=0)
    """How long after a stay a person is asked again where the evidence of a decision has changed; later it is only
    recorded."""
    health_s: float = 5.0
    """Between two looks at every part; one that misses four counts as away."""


class TracingSettings(Frozen):
    endpoint: str = ""
    """OTLP collector over HTTP, without `/v1/traces`; empty: no traces. Else OTEL_EXPORTER_OTLP_ENDPOINT is taken."""


class WorklistSettings(Frozen):
    hosts: tuple[str, ...] = ()
    """Names by which browsers may reach the pages, without a port; loopback always may."""


class GatewaySettings(Frozen):
    hosts: tuple[str, ...] = ()
    """Names by which feeds may reach the gateway, without a port; loopback always may."""
    unreadable_an_hour: int = Field(default=1_000, ge=1)
    """Rows that a feed's unreadable messages may fill in an hour; one row counts the rest."""


class Stores(Frozen):
    """What a state folder keeps, whose parts need not run, nor ever have."""

    ledger_url: str
    blobs_url: str
    users: dict[str, UserSettings] = {}


class HospitalSettings(Frozen):
    time_zone: TimeZone = DEFAULT
    """IANA name: ages change at its midnight, and a chart's times without a zone are its times."""


class DeploymentSettings(Frozen):
    build_id: str = ""
    """Names the version of the workflows, such as an image's tag; empty: a hash of their code."""


class Settings(Frozen):
    state: Path
    parts: PartSettings
    pathways: dict[str, PathwaySettings]
    users: dict[str, UserSettings] = {}
    models: dict[str, ModelSettings] = {}
    timing: TimingSettings = TimingSettings()
    tracing: TracingSettings = TracingSettings()
    worklist: WorklistSettings = WorklistSettings()
    gateway: GatewaySettings = GatewaySettings()
    deployment: DeploymentSettings = DeploymentSettings()
    hospital: HospitalSettings = HospitalSettings()

    @property
    def budgets(self) -> dict[str, float]:
        """Return what the models of each role may cost in a day, where that is limited."""
        return {role: model.budget_a_day for role, model in self.models.items() if model.budget_a_day is not None}

    @field_validator("models")
    @classmethod
    def speech_by_speech(cls, models: dict[str, ModelSettings]) -> dict[str, ModelSettings]:
        """Refuse a dialect that can't do what the role is for."""
        for role, model in models.items():
            if (model.dialect in SPEECH) != (role == Role.TRANSCRIPTION):
                known = SPEECH if role == Role.TRANSCRIPTION else set(Dialect) - SPEECH
                raise ValueError(f"{role}: dialect {model.dialect} can't serve it; one of {', '.join(sorted(known))}")
        return models

    @field_validator("models")
    @classmethod
    def patients_by_tls(cls, models: dict[str, ModelSettings]) -> dict[str, ModelSettings]:
        """Refuse to send what patients said and have over a network that others can read (I16)."""
        for role, model in models.items():
            if model.phi != Phi.NONE and not private(model.url):
                remedy = "use https://, or serve the model on this machine, or set phi to none"
                raise ValueError(f'[models.{role}] phi = "{model.phi}" over plain http to another machine: {remedy}')
        return models

    @model_validator(mode="after")
    def _ports_are_models(self) -> Self:
        for name, pathway in self.pathways.items():
            unknown = sorted(set(pathway.ports.values()) - set(self.models))
            if unknown:
                raise ValueError(f"[pathways.{name}.ports] names {unknown[0]}, and there is no [models.{unknown[0]}]")
        return self

    @model_validator(mode="after")
    def _measured_on_pathways(self) -> Self:
        for role, model in self.models.items():
            unknown = sorted(set(model.measured_on) - set(self.pathways))
            if unknown:
                raise ValueError(
                    f"[models.{role}] measured_on names {unknown[0]}, and there is no [pathways.{unknown[0]}]"
                )
        return self

    def pathway_objects(self) -> dict[str, Pathway]:
        """Return each pathway, with the hospital's time zone where that is another than UTC.

        Raises ConfigurationError.
        """
        zone = self.hospital.time_zone
        given = {} if zone == DEFAULT else {"time_zone": zone}
        return {name: pathway_named(name, given | pathway.options) for name, pathway in self.pathways.items()}

    def reviewer(self, user_id: str) -> Reviewer | None:
        """Return the person of that id, or None."""
        user = self.users.get(user_id)
        return Reviewer(reviewer_id=user_id, name=user.name, role=user.role) if user else None


def pathway_named(name: str, options: dict[str, object]) -> Pathway:
    """Return the pathway, made by `configure` of `agents.<name>.pathway`. Raises ConfigurationError."""
    try:
        return import_module(f"agents.{name}.pathway").configure(options)
    except ModuleNotFoundError:
        raise ConfigurationError(
            ConfigurationFault.SETTING, f"no agents/{name}/pathway.py for [pathways.{name}]", setting="pathway"
        ) from None
    except ValidationError as fault:
        raise ConfigurationError(
            ConfigurationFault.SETTING, f"[pathways.{name}.options] {first_fault(fault)}", setting="pathway"
        ) from None


def load(state: Path) -> Settings:
    """Read `STATE/wardflow.toml` (else the packaged one) and `STATE/parts.json`. Raises ConfigurationError."""
    config = state / "wardflow.toml"
    try:
        raw, parts = _read(config), json.loads((state / "parts.json").read_text())
        models = parts.pop("models", {}) | raw.pop("models", {})
        raw.setdefault("tracing", {"endpoint": os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")})
        return Settings.model_validate(raw | {"state": state, "parts": parts | raw.get("parts", {}), "models": models})
    except FileNotFoundError as fault:
        raise ConfigurationError(
            ConfigurationFault.NOT_STARTED, f"{fault.filename} is missing: start with `wardflow up`"
        ) from None
    except ValidationError as fault:
        raise ConfigurationError(
            ConfigurationFault.SETTING, f"{config}: {first_fault(fault)}", setting="configuration"
        ) from None
    except (ValueError, TypeError, AttributeError) as fault:  # neither TOML nor JSON, or not of their shape
        raise ConfigurationError(
            ConfigurationFault.SETTING, f"{config} or parts.json: {fault}", setting="configuration"
        ) from None


def stores(state: Path) -> Stores:
    """Return where the ledger and blobs of a state folder are, and who its people are. Raises ConfigurationError."""
    config, told = state / "wardflow.toml", state / "parts.json"
    own = {"ledger_url": f"sqlite:///{state / LEDGER_FILE}", "blobs_url": str(state / BLOBS_FOLDER)}
    try:
        raw = _read(config)
        parts = own | (json.loads(told.read_text()) if told.exists() else {}) | raw.get("parts", {})
        return Stores.model_validate({name: parts[name] for name in own} | {"users": raw.get("users", {})})
    except (ValueError, TypeError, AttributeError) as fault:
        raise ConfigurationError(
            ConfigurationFault.SETTING, f"{config} or parts.json: {fault}", setting="configuration"
        ) from None


def roles(state: Path) -> set[str]:
    """Return the roles that the configuration names a model for. Raises ConfigurationError."""
    config = state / "wardflow.toml"
    try:
        return set(_read(config).get("models", {}))
    except (ValueError, TypeError) as fault:
        raise ConfigurationError(ConfigurationFault.SETTING, f"{config}: {fault}", setting="configuration") from None


def _read(config: Path) -> dict[str, Any]:
    return tomllib.loads((config if config.exists() else DEFAULT_CONFIG).read_text())


def first_fault(fault: ValidationError) -> str:
    """Return the place and the kind of the first fault, without the value, which may be a secret."""
    first = fault.errors(include_input=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
