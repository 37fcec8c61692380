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

    def ensure_subscription(self, resource_type: str) -> bool:
        """Return whether changes of a type are delivered; if not, create or re-activate its Subscription.

        A server that can't reach us sets `error` and stays there: the client must ask again (FHIR R4, Subscription).
        """
        delivered = self.delivers(resource_type)
        if not delivered:
            self.fhir.put(self._subscription(resource_type))
        return delivered

    def delivers(self, resource_type: str) -> bool:
        """Return whether the Subscription of a type is there, active, and points to our gateway."""
        return self._delivers(self._subscription(resource_type))

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

    def changed_since(self, resource_type: str, moment: datetime) -> Iterator[FhirEvent]:
        """Yield the current version of every resource of a type that changed at or after that moment."""
        since = quote(moment.isoformat(timespec="milliseconds"))
        few = f"&_count={FEW}" if resource_type in CARRIERS else ""
        for resource in self.fhir.search(f"{resource_type}?_lastUpdated=ge{since}{few}"):
            yield parse(self.name, json.dumps(resource).encode(), self.fhir.base_url)
