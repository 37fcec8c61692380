"""The model router: what an alias means at this moment, so that a promotion or a return needs no restart."""

from dataclasses import replace

from contracts.errors import Fallback, ModelError
from contracts.tuning import VerdictOutcome
from integrations.inference.chat import ChatEndpoint, loopback
from integrations.ledger import registry
from integrations.ledger.database import Database, Transaction

PREFIX = "alias:"


def alias_of(endpoint: ChatEndpoint) -> str | None:
    """Return the alias that the endpoint's model is, or None where it is a name."""
    return endpoint.model.removeprefix(PREFIX) if endpoint.model.startswith(PREFIX) else None


def tuned_elsewhere(tx: Transaction, endpoint: ChatEndpoint, pathway: str) -> bool:
    """Return whether the endpoint's alias means, or still is, a model that was tuned for another pathway."""
    alias = alias_of(endpoint)
    if alias is None:
        return False
    up = None if endpoint.url else registry.served(tx, alias)
    rows = [registry.find(tx, name) for name in {registry.meant(tx, alias), up.name if up else ""} if name]
    return any(row.pathway != pathway for row in rows if row and row.outcome != VerdictOutcome.UNTUNED)


def resolve(db: Database, endpoint: ChatEndpoint) -> ChatEndpoint:
    """Return the endpoint with the immutable name that its alias means, where it is served and was measured.

    A server of its own URL is asked for what the ledger says was promoted. One that `wardflow up` runs serves the
    model before until the new one answers, so there it is what is up that counts. Raises ModelError.
    """
    alias = alias_of(endpoint)
    if alias is None:
        return endpoint
    with db.read() as tx:
        if endpoint.url:
            name, url = registry.meant(tx, alias) or endpoint.base, endpoint.url
        elif up := registry.served(tx, alias):
            name, url = up.name, up.url
            if not loopback(url):  # `wardflow up` serves on loopback alone, so somebody else wrote that mark (I21)
                raise ModelError(Fallback.FORBIDDEN, f"{alias} is marked as served on another machine")
        else:
            raise ModelError(Fallback.UNREACHABLE, f"nothing is served for {alias}")
        return replace(endpoint, model=name, url=url, measured_on=_measured_on(tx, endpoint, name))


def _measured_on(tx: Transaction, endpoint: ChatEndpoint, name: str) -> tuple[str, ...]:
    """Return where that model was measured: by our own rounds if it was tuned, else as the configuration says."""
    row = registry.find(tx, name)
    if row is None or row.outcome == VerdictOutcome.UNTUNED:
        return endpoint.measured_on
    return (row.pathway,) if row.outcome == VerdictOutcome.BETTER else ()
