"""Tuned models, and which of them an alias means: each as it was made, each change by a person with a reason."""

import sqlalchemy as sa

from contracts.errors import TuningError, TuningFault
from contracts.frozen import Frozen
from contracts.tuning import Deployment, RegisteredModel, VerdictOutcome
from integrations import clock
from integrations.ledger.attestation import Kind, Row
from integrations.ledger.audit import Action, Auditor
from integrations.ledger.marks import mark, set_mark
from integrations.ledger.tables import deployments, models

CHAMPION = "champion"
SERVED = "served:"


class Served(Frozen):
    """What a supervisor of local model servers has up for an alias, which lags behind what was deployed."""

    name: str
    url: str


def register(tx: sa.Connection, auditor: Auditor, model: RegisteredModel) -> None:
    """Add a model, or judge the same one anew.

    Raises TuningError where the name stands for other weights, or its parent is of another base.
    """
    held, parent = find(tx, model.name), find(tx, model.parent) if model.parent else None
    if model.parent and (parent is None or parent.base_sha256 != model.base_sha256):
        raise TuningError(TuningFault.OTHER_BASE, f"{model.name} is not of the base of {model.parent}")
    if held is None:
        tx.execute(
            models.insert().values(
                name=model.name,
                pathway=model.pathway,
                document=model.model_dump_json(),
                registered_at=clock.now(),
                rows_blob=model.rows_blob or None,
            )
        )
        _audit(tx, auditor, model)
    elif (held.adapter_sha256, held.base_sha256) != (model.adapter_sha256, model.base_sha256):
        raise TuningError(TuningFault.NAME_TAKEN, f"{model.name} is registered with other weights")
    elif (held.outcome, held.reason, held.evaluation) != (model.outcome, model.reason, model.evaluation):
        tx.execute(models.update().where(models.c.name == model.name).values(document=model.model_dump_json()))
        _audit(tx, auditor, model)


def _audit(tx: sa.Connection, auditor: Auditor, model: RegisteredModel) -> None:
    rows, detail = (Row(Kind.MODEL, (model.name,)),), f"{model.verdict}; weights {model.adapter_sha256[:16]}"
    auditor.append(tx, Action.REGISTER, f"model {model.name}", rows, detail=detail)


def find(tx: sa.Connection, name: str) -> RegisteredModel | None:
    """Return the model of that name, or None."""
    document = tx.scalar(sa.select(models.c.document).where(models.c.name == name))
    return RegisteredModel.model_validate_json(document) if document else None


def listed(tx: sa.Connection) -> list[RegisteredModel]:
    """Return the models, the oldest first."""
    rows = tx.scalars(sa.select(models.c.document).order_by(models.c.registered_at))
    return [RegisteredModel.model_validate_json(document) for document in rows]


def history(tx: sa.Connection, alias: str) -> list[Deployment]:
    """Return what the alias has meant, the newest first; the first has no end."""
    rows = tx.execute(
        deployments.select().where(deployments.c.alias == alias).order_by(deployments.c.deployment_id.desc())
    )
    return [Deployment.model_validate(dict(row)) for row in rows.mappings()]


def meant(tx: sa.Connection, alias: str) -> str:
    """Return the name that the alias means; empty: the endpoint's own model, since nothing was ever promoted."""
    same = (deployments.c.alias == alias, deployments.c.until.is_(None))
    return tx.scalar(sa.select(deployments.c.name).where(*same)) or ""


def promote(tx: sa.Connection, auditor: Auditor, alias: str, name: str, by: str, reason: str) -> None:
    """Let the alias mean this model.

    Raises TuningError for one that is unknown, refused, deployed already, or of a base that is not registered.
    """
    model, current = find(tx, name), meant(tx, alias)
    if model is None:
        raise TuningError(TuningFault.UNKNOWN_MODEL, f"no model {name!r} is registered")
    if not any(base.outcome == VerdictOutcome.UNTUNED and base.base_sha256 == model.base_sha256 for base in listed(tx)):
        raise TuningError(TuningFault.OTHER_BASE, f"the base of {name} is not registered")
    if model.outcome != VerdictOutcome.BETTER:
        raise TuningError(TuningFault.NOT_BETTER, f"{name}: {model.verdict}")
    if name == current:
        raise TuningError(TuningFault.DEPLOYED, f"{alias} means {name} already")
    _deploy(tx, auditor, alias, name, current, by, reason)


def rollback(tx: sa.Connection, auditor: Auditor, alias: str, by: str, reason: str) -> str:
    """Let the alias mean again what its model had replaced, and return that name; empty: the endpoint's own model.

    Raises TuningError where there is nothing to go back to.
    """
    told = history(tx, alias)
    if not told or told[0].replaced is None:
        raise TuningError(TuningFault.NOTHING_BEFORE, f"{alias} has nothing to go back to")
    target = told[0].replaced
    before = next((deployment.replaced for deployment in told if deployment.name == target), None)
    _deploy(tx, auditor, alias, target, before, by, reason)
    return target


def _deploy(
    tx: sa.Connection, auditor: Auditor, alias: str, name: str, replaced: str | None, by: str, reason: str
) -> None:
    moment, open_ = clock.now(), (deployments.c.alias == alias, deployments.c.until.is_(None))
    changed = list(tx.scalars(sa.select(deployments.c.deployment_id).where(*open_)))
    tx.execute(deployments.update().where(*open_).values(until=moment))
    tx.execute(
        deployments.insert().values(alias=alias, name=name, by=by, reason=reason, since=moment, replaced=replaced)
    )
    changed += tx.scalars(sa.select(deployments.c.deployment_id).where(*open_))
    rows = [Row(Kind.DEPLOYMENT, (deployment_id,)) for deployment_id in changed]
    what = f"{alias} is {name or 'the untuned model'}"
    auditor.append(tx, Action.DEPLOY, what, rows, actor=f"person:{by}", detail=reason)


def served(tx: sa.Connection, alias: str) -> Served | None:
    """Return what a local supervisor has up for the alias, or None where there is no supervisor, or nothing is up."""
    value = mark(tx, SERVED + alias)
    return Served.model_validate_json(value) if value else None


def set_served(tx: sa.Connection, auditor: Auditor, alias: str, up: Served | None) -> None:
    """Record which model a local supervisor has up for the alias, or None; audited in the same transaction."""
    set_mark(tx, SERVED + alias, up.model_dump_json() if up else "")
    what = f"{alias} is served by {up.name}" if up else f"{alias} is not served"
    auditor.append(tx, Action.SERVE, what, (Row(Kind.MARK, (SERVED + alias,)),), detail=up.url if up else "")
