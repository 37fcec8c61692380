"""Which version of each resource we read from the chart ourselves: what a feed claims is no reading."""

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from integrations.ledger.tables import readings

AT_ONCE = 500
Key = tuple[str, str]
"""Type and id of a resource."""


def stamp(resource: Mapping[str, Any]) -> str:
    """Return what tells two versions apart, on a server too whose numbers begin again: number and moment."""
    meta = resource.get("meta") or {}
    return f"{meta.get('versionId', '')} {meta.get('lastUpdated', '')}"


def feed(name: str) -> str:
    """Return how the search of a feed is named as a reader; a case's snapshot is named by the case's id."""
    return f"feed:{name}"


def note(tx: sa.Connection, reader: str, stamps: Mapping[Key, str]) -> None:
    """Note what a reader has read now."""
    for some in _parts(stamps):
        types, ids = {type_ for type_, _ in some}, {id_ for _, id_ in some}
        wanted = (readings.c.reader == reader, readings.c.resource_type.in_(types), readings.c.resource_id.in_(ids))
        found = tx.execute(sa.select(readings.c.resource_type, readings.c.resource_id).where(*wanted))
        known = {(row.resource_type, row.resource_id) for row in found} & set(some)
        for type_, id_ in known:
            same = (readings.c.resource_type == type_, readings.c.resource_id == id_)
            tx.execute(readings.delete().where(readings.c.reader == reader, *same))
        new = [
            {"reader": reader, "resource_type": type_, "resource_id": id_, "stamp": stamps[type_, id_]}
            for type_, id_ in some
        ]
        tx.execute(readings.insert(), new)


def note_snapshot(tx: sa.Connection, case_id: str, resources: Iterable[Mapping[str, Any]]) -> None:
    """Note what a case's newest snapshot holds, instead of what an earlier one held."""
    tx.execute(readings.delete().where(readings.c.reader == case_id))
    named = ((r.get("resourceType"), r.get("id"), r) for r in resources)
    held = {(type_, id_): stamp(r) for type_, id_, r in named if isinstance(type_, str) and isinstance(id_, str)}
    note(tx, case_id, held)


def of(tx: sa.Connection, reader: str, keys: Iterable[Key]) -> dict[Key, str]:
    """Return the stamps that a reader last read of these resources."""
    found: dict[Key, str] = {}
    for some in _parts(keys):
        types, ids = {type_ for type_, _ in some}, {id_ for _, id_ in some}
        wanted = (readings.c.reader == reader, readings.c.resource_type.in_(types), readings.c.resource_id.in_(ids))
        rows = tx.execute(readings.select().where(*wanted))
        found |= {(row.resource_type, row.resource_id): row.stamp for row in rows}
    return found


def readers(tx: sa.Connection, resource_type: str, resource_id: str) -> dict[str, str]:
    """Return who last read which stamp of a resource."""
    same = (readings.c.resource_type == resource_type, readings.c.resource_id == resource_id)
    return {row.reader: row.stamp for row in tx.execute(readings.select().where(*same))}


def _parts(keys: Iterable[Key]) -> Iterable[list[Key]]:
    every = list(dict.fromkeys(keys))
    return (every[start : start + AT_ONCE] for start in range(0, len(every), AT_ONCE))
