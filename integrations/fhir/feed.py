"""One FHIR server as a source of events: its Subscriptions, and the search that finds what they missed (I8)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from contracts.events import FhirEvent
from integrations.fhir.client import FhirClient, Resource
from integrations.fhir.notifications import parse

CARRIERS, FEW = ("Media", "DocumentReference", "Binary"), 10
"""Types that may carry whole recordings, and how many of them are asked for at once."""


@dataclass(frozen=True)
class Feed:
    """`types` are the resource types that any pathway waits for; `hook_url` is where our gateway listens."""

    name: str
    fhir: FhirClient
    types: tuple[str, ...]
    hook_url: str
    secret: str

    def ensure_subscriptions(self) -> list[str]:
        """Create or re-activate the Subscriptions; return the types whose delivery had stopped.

        A server that can't reach us sets `error` and stays there: the client must ask again (FHIR R4, Subscription).
        """
        stopped = self.stopped_subscriptions()
        for type_ in stopped:
            self.fhir.put(self._subscription(type_))
        return stopped

    def stopped_subscriptions(self) -> list[str]:
        """Return the types whose Subscription is missing, not active, or points elsewhere."""
        return [type_ for type_ in self.types if not self._delivers(self._subscription(type_))]

    def _delivers(self, wanted: Resource) -> bool:
        found = self.fhir.find("Subscription", wanted["id"]) or {}
        return found.get("status") == "active" and found.get("channel") == wanted["channel"]

    def _subscription(self, type_: str) -> Resource:
        return {
            "resourceType": "Subscription",
            "id": f"wardflow-{self.name}-{type_.lower()}",
            "status": "requested",
            "reason": "Wardflow pathways",
            "criteria": f"{type_}?",
            "channel": {
                "type": "rest-hook",
                "endpoint": self.hook_url,
                "payload": "application/fhir+json",
                "header": [f"Authorization: Bearer {self.secret}"],
            },
        }

    def changed_since(self, moment: datetime) -> Iterator[FhirEvent]:
        """Yield the current version of every resource of our types that changed at or after that moment."""
        since = quote(moment.isoformat(timespec="milliseconds"))
        for type_ in self.types:
            few = f"&_count={FEW}" if type_ in CARRIERS else ""
            for resource in self.fhir.search(f"{type_}?_lastUpdated=ge{since}{few}"):
                yield parse(self.name, json.dumps(resource).encode(), self.fhir.base_url)
