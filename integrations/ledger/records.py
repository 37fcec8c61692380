"""The records of one process: the ledger, the blobs that its rows name, and the process's own audit chain."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.revisions import Earlier
from contracts.suggestions import Suggestion
from integrations.blobs.store import BlobStore
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database


@dataclass(frozen=True)
class FrozenChart:
    as_of: datetime
    """When it was read."""
    resources: list[dict[str, Any]]
    """FHIR resources as the server gave them."""
    earlier: Earlier | None = None
    """How it stood to what was decided before, where something was."""


@dataclass(frozen=True)
class Records:
    db: Database
    blobs: BlobStore
    auditor: Auditor

    def suggestion(self, blob: str) -> Suggestion:
        """Return a stored suggestion."""
        return Suggestion.model_validate_json(self.blobs.get(blob))

    def chart(self, snapshot_blob: str) -> FrozenChart:
        """Return a frozen chart."""
        chart = json.loads(self.blobs.get(snapshot_blob))
        told = chart.get("earlier")
        earlier = Earlier.model_validate(told) if told else None
        return FrozenChart(datetime.fromisoformat(chart["as_of"]), chart["resources"], earlier)
