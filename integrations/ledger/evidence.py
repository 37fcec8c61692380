"""Which resources stand behind each version that was shown: by them an event finds the cases that use it (I17, I18)."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from contracts.cases import CaseState
from contracts.frozen import Frozen
from integrations.ledger.tables import cases, evidence, readings

AT_ONCE = 400
LINE = "line/"
"""Begins the name of what is no resource: a line of what could not be used."""


class Piece(Frozen):
    """A resource behind a suggestion; columns of `tables.evidence`."""

    resource: str
    """`Type/id`, or `LINE` and a hash."""
    version_id: str
    facts_hash: str
    """Of what was read from it: a new version with equal facts is no change."""
    rule: str | None = None
    """By which it demands a look; None where it demands none."""
    floor: str | None = None


@dataclass(frozen=True)
class Use:
    """A stay whose case of a pathway shows, showed or is about to show a resource."""

    resource: str
    pathway: str
    encounter_id: str


@dataclass(frozen=True)
class Held:
    """A resource that a case shows, in the version that it shows."""

    case_id: str
    resource: str
    version_id: str
    pathway: str
    encounter_id: str


def keep(tx: sa.Connection, case_id: str, version: int, pieces: Sequence[Piece]) -> None:
    """Keep the evidence of a version; what is kept already stays as it is."""
    known = set(tx.scalars(sa.select(evidence.c.resource).where(*_of(case_id, version))))
    new = [{"case_id": case_id, "version": version, **p.model_dump()} for p in pieces if p.resource not in known]
    if new:
        tx.execute(evidence.insert(), new)


def of_version(tx: sa.Connection, case_id: str, version: int) -> list[Piece]:
    """Return the evidence of a version; none for one that was shown before evidence was kept."""
    columns = [evidence.c[name] for name in Piece.model_fields]
    rows = tx.execute(sa.select(*columns).where(*_of(case_id, version)).order_by(evidence.c.resource)).mappings()
    return [Piece.model_validate(dict(row)) for row in rows]


def uses(tx: sa.Connection, resources: Collection[str], ended_after: datetime) -> set[Use]:
    """Return who uses these resources (`Type/id`), of the cases that had not ended by that moment.

    An open case uses also what its newest snapshot read: its next version may show it.
    """
    found = set[Use]()
    alive = cases.c.ended_at.is_(None) | (cases.c.ended_at > ended_after)
    for some in _parts(resources):
        shown = sa.select(evidence.c.resource, cases.c.pathway, cases.c.encounter_id).distinct()
        query = shown.join(cases, cases.c.case_id == evidence.c.case_id).where(evidence.c.resource.in_(some), alive)
        found |= {Use(**row) for row in tx.execute(query).mappings()}
        types, ids = zip(*(one.split("/", 1) for one in some), strict=True)
        read = (readings.c.resource_type.in_(set(types)), readings.c.resource_id.in_(set(ids)))
        columns = (readings.c.resource_type, readings.c.resource_id, cases.c.pathway, cases.c.encounter_id)
        of_open = sa.select(*columns).join(cases, cases.c.case_id == readings.c.reader)
        for row in tx.execute(of_open.where(*read, cases.c.state == CaseState.OPEN)):
            name = f"{row.resource_type}/{row.resource_id}"
            if name in some:
                found.add(Use(resource=name, pathway=row.pathway, encounter_id=row.encounter_id))
    return found


def without(tx: sa.Connection, ended_after: datetime, most: int) -> list[str]:
    """Return cases whose shown version has no evidence yet, of those that had not ended by that moment."""
    kept = sa.exists().where(evidence.c.case_id == cases.c.case_id, evidence.c.version == cases.c.version)
    alive = cases.c.ended_at.is_(None) | (cases.c.ended_at > ended_after)
    return list(tx.scalars(sa.select(cases.c.case_id).where(cases.c.version > 0, alive, ~kept).limit(most)))


def held_by(
    tx: sa.Connection, states: Collection[CaseState], ended_after: datetime, after: tuple[str, str], most: int
) -> list[Held]:
    """Return what the newest versions of cases in these states show, of those that had not ended by that moment.

    At most so many, after that case and resource, in their order, so that all get their turn.
    """
    shown = (cases.c.case_id == evidence.c.case_id) & (cases.c.version == evidence.c.version)
    key = sa.tuple_(evidence.c.case_id, evidence.c.resource)
    columns = (evidence.c.case_id, evidence.c.resource, evidence.c.version_id, cases.c.pathway, cases.c.encounter_id)
    alive = cases.c.ended_at.is_(None) | (cases.c.ended_at > ended_after)
    wanted = (cases.c.state.in_(states), alive, evidence.c.version_id != "", key > sa.tuple_(*after))
    rows = tx.execute(sa.select(*columns).join(cases, shown).where(*wanted).order_by(*key.clauses).limit(most))
    return [Held(**row) for row in rows.mappings()]


def _of(case_id: str, version: int) -> tuple[sa.ColumnElement[bool], ...]:
    return evidence.c.case_id == case_id, evidence.c.version == version


def _parts(resources: Iterable[str]) -> Iterable[list[str]]:
    every = [one for one in dict.fromkeys(resources) if "/" in one]
    return (every[start : start + AT_ONCE] for start in range(0, len(every), AT_ONCE))
