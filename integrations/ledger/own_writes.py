"""What we wrote to the chart, so that its notification is known as our own (I15)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from integrations.ledger.tables import cases, own_writes


@dataclass(frozen=True)
class Written:
    """A version of a resource that we wrote, with the hash of its content (`fhir.proposals.content_hash`)."""

    resource_type: str
    resource_id: str
    version_id: str
    content_hash: str


def intend(tx: sa.Connection, case_id: str, resource_type: str, resource_id: str, content_hash: str) -> bool:
    """Note a write before it is made, so that its notification can't overtake our knowledge of it (I15).

    Returns whether an earlier try was noted and never finished: then the chart must be read before writing again.
    """
    there = tx.execute(own_writes.delete().where(*_same(resource_type, resource_id, ""))).rowcount
    intended = Written(resource_type, resource_id, "", content_hash)
    tx.execute(own_writes.insert(), [{**asdict(intended), "case_id": case_id}])
    return bool(there)


def intended(tx: sa.Connection, resource_type: str, resource_id: str) -> str | None:
    """Return the content hash of a write that was intended and never noted as done, or None."""
    return tx.scalar(sa.select(own_writes.c.content_hash).where(*_same(resource_type, resource_id, "")))


def wrote(tx: sa.Connection, case_id: str, written: Sequence[Written]) -> list[Written]:
    """Note the versions that the server gave to our writes; return those that were not noted before."""
    columns = own_writes.c
    ids = {one.resource_id for one in written}
    there = tx.execute(
        sa.select(columns.resource_type, columns.resource_id, columns.version_id).where(columns.resource_id.in_(ids))
    )
    known = {tuple(row) for row in there}
    for one in written:
        if (one.resource_type, one.resource_id, "") in known:
            tx.execute(own_writes.delete().where(*_same(one.resource_type, one.resource_id, "")))
    new = [one for one in written if (one.resource_type, one.resource_id, one.version_id) not in known]
    if new:
        tx.execute(own_writes.insert(), [{**asdict(one), "case_id": case_id} for one in new])
    return new


def _same(type_: str, id_: str, version_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    columns = own_writes.c
    return columns.resource_type == type_, columns.resource_id == id_, columns.version_id == version_id


def writer(tx: sa.Connection, resource_type: str, resource_id: str, version_id: str) -> str | None:
    """Return the pathway that wrote this version, or None where none of ours did."""
    found = tx.execute(
        sa.select(cases.c.pathway)
        .select_from(own_writes.outerjoin(cases, cases.c.case_id == own_writes.c.case_id))
        .where(*_same(resource_type, resource_id, version_id))
    ).first()
    return (found.pathway or "") if found else None


def versions(tx: sa.Connection, resource_type: str, resource_id: str) -> set[str]:
    """Return the versions that we wrote; an empty one stands for a write under way."""
    return set(
        tx.scalars(
            sa.select(own_writes.c.version_id).where(
                own_writes.c.resource_type == resource_type, own_writes.c.resource_id == resource_id
            )
        )
    )


def of_case(tx: sa.Connection, case_id: str) -> list[tuple[str, str]]:
    """Return type and id of each resource that was first written for a case, the same order at every call."""
    first = sa.select(own_writes.c.resource_type, own_writes.c.resource_id).where(own_writes.c.case_id == case_id)
    return sorted({(row.resource_type, row.resource_id) for row in tx.execute(first)})


def types(tx: sa.Connection) -> set[str]:
    """Return the types of the resources that we wrote."""
    return set(tx.scalars(sa.select(own_writes.c.resource_type).distinct()))
