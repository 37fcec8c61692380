"""The model router: what an alias means at this moment, so that a promotion or a return needs no restart."""

from dataclasses import replace

import sqlalchemy as sa

from contracts.errors import Fallback, ModelError
from integrations.inference.chat import ChatEndpoint
from integrations.ledger import registry
from integrations.ledger.tables import Database

PREFIX = "alias:"


def alias_of(endpoint: ChatEndpoint) -> str | None:
    """Return the alias that the endpoint's model is, or None where it is a name."""
    return endpoint.model.removeprefix(PREFIX) if endpoint.model.startswith(PREFIX) else None


def tuned_elsewhere(tx: sa.Connection, endpoint: ChatEndpoint, pathway: str) -> bool:
    """Return whether the endpoint's alias means, or still is, a model that was tuned for another pathway."""
    alias = alias_of(endpoint)
    if alias is None:
        return False
    up = None if endpoint.url else registry.served(tx, alias)
    rows = [registry.find(tx, name) for name in {registry.meant(tx, alias), up.name if up else ""} if name]
    return any(row.pathway != pathway for row in rows if row and row.verdict != registry.UNTUNED)


def resolve(db: Database, endpoint: ChatEndpoint) -> ChatEndpoint:
    """Return the endpoint with the immutable name that its alias means, where it is served.

    A server of its own URL is asked for what the ledger says was promoted. One that `wardflow up` runs serves the
    model before until the new one answers, so there it is what is up that counts. Raises ModelError(UNREACHABLE).
    """
    alias = alias_of(endpoint)
    if alias is None:
        return endpoint
    with db.read() as tx:
        if endpoint.url:
            return replace(endpoint, model=registry.meant(tx, alias) or endpoint.base)
        up = registry.served(tx, alias)
    if up is None:
        raise ModelError(Fallback.UNREACHABLE, f"nothing is served for {alias}")
    return replace(endpoint, model=up.name, url=up.url)
