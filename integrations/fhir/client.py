"""Our own authenticated calls to the chart's FHIR R4 server."""

from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import httpx

from contracts.errors import FhirError, FhirFault

Resource = dict[str, Any]
"""A FHIR resource as JSON; the one place where an untyped dict is a fair type."""
PAGE = 500


class FhirClient:
    """Thread-safe. Every call raises FhirError, classified; `timeout_s` stays below the activities' time-outs."""

    def __init__(self, base_url: str, token: str, timeout_s: float = 5.0) -> None:
        self.base_url = base_url.rstrip("/")
        self.server_time: datetime | None = None
        """The server's clock at its last answer, if it told; its `lastUpdated` can only be compared with that."""
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {token}", "Accept": "application/fhir+json"},
            timeout=httpx.Timeout(timeout_s, connect=2.0),
            limits=httpx.Limits(max_connections=16),
        )

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    def read(self, resource_type: str, resource_id: str) -> Resource:
        """Return the current version."""
        return self._call("GET", f"{resource_type}/{quote(resource_id, safe='')}")

    def read_metadata(self) -> Resource:
        """Return the server's CapabilityStatement."""
        return self._call("GET", "metadata")

    def search(self, query: str) -> list[Resource]:
        """Return all matches of `Type?parameters`, over all pages of this server."""
        found: list[Resource] = []
        url: str | None = f"{query}{'&' if '?' in query else '?'}_count={PAGE}"
        while url:
            page = self._call("GET", url)
            matched = (e for e in page.get("entry", ()) if e.get("search", {}).get("mode", "match") == "match")
            found += [entry["resource"] for entry in matched if "resource" in entry]
            url = next((link["url"] for link in page.get("link", ()) if link.get("relation") == "next"), None)
            if url and not url.startswith((f"{self.base_url}/", f"{self.base_url}?")):
                # It would take our token to another host, and without it the answer is not whole.
                raise FhirError(FhirFault.REFUSED, "next page is at another address")
        return found

    def put(self, resource: Resource) -> Resource:
        """Create or replace under the resource's own id."""
        return self._call("PUT", f"{resource['resourceType']}/{resource['id']}", resource)

    def bundle(self, entries: list[Resource], kind: str = "transaction") -> list[Resource]:
        """Run a transaction (all or nothing) or batch; return the response's entries in the request's order."""
        body = {"resourceType": "Bundle", "type": kind, "entry": entries}
        return self._call("POST", "", body).get("entry", [])

    def _call(self, method: str, url: str, body: Resource | None = None) -> Resource:
        target = url if url.startswith(self.base_url) else f"{self.base_url}/{url}".rstrip("/")
        headers = {"Content-Type": "application/fhir+json"} if body else {}
        try:
            answer = self._http.request(method, target, json=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise FhirError(FhirFault.UNREACHABLE, type(fault).__name__, retryable=True) from None
        with suppress(KeyError, ValueError):
            self.server_time = parsedate_to_datetime(answer.headers["date"])
        if answer.status_code >= 300:
            raise _classified(method, answer.status_code)
        try:
            return answer.json()
        except ValueError:
            raise FhirError(FhirFault.UNREACHABLE, "answer is no JSON", retryable=True) from None


def _classified(method: str, status: int) -> FhirError:
    message = f"{method} answered {status}"
    if status in (409, 412):
        return FhirError(FhirFault.CONFLICT, message)
    if status in (404, 410):
        return FhirError(FhirFault.MISSING, message)
    if status == 429 or status >= 500:
        return FhirError(FhirFault.UNREACHABLE, message, retryable=True)
    return FhirError(FhirFault.REFUSED, message)
