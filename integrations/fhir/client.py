"""Our own authenticated calls to the chart's FHIR R4 server."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import httpx

from contracts.errors import FhirError, FhirFault
from integrations import retry_after
from integrations.fhir import addresses

Resource = dict[str, Any]
"""A FHIR resource as JSON; the one place where an untyped dict is a fair type."""
PAGE = 500
MOST_PAGES = 200
MOST_BYTES = 64 * 1024 * 1024  # of one answer
WHOLE_S = 8.0  # for an answer as a whole: below the heartbeat time-outs of the activities
MOST_WAIT_S = 60.0  # a longer Retry-After is not obeyed: patients wait
NEVER = "2999-01-01"  # nothing was changed since then


class FhirClient:
    """Thread-safe. Every call raises FhirError, classified; `timeout_s` stays below the activities' time-outs.

    After an answer that says when to come again (Retry-After), nothing is asked before: such calls are refused here.
    """

    def __init__(
        self, base_url: str, token: str, timeout_s: float = 5.0, transport: httpx.BaseTransport | None = None
    ) -> None:
        """Without a `transport`, requests go over the network."""
        self.base_url = base_url.rstrip("/")
        self.server_time: datetime | None = None
        """The server's clock at its last answer, if it told; its `lastUpdated` can only be compared with that."""
        self._not_before = 0.0
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {token}", "Accept": "application/fhir+json"},
            timeout=httpx.Timeout(timeout_s, connect=2.0),
            limits=httpx.Limits(max_connections=16),
            transport=transport,
        )

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    def read(self, resource_type: str, resource_id: str, most_bytes: int | None = None) -> Resource:
        """Return the current version; with a bound, a larger one is refused as TOO_LARGE."""
        found = self._call("GET", f"{resource_type}/{quote(resource_id, safe='')}", most_bytes=most_bytes)
        if (found.get("resourceType"), found.get("id")) != (resource_type, resource_id):
            raise FhirError(FhirFault.UNREACHABLE, "answered with another resource", retryable=True)
        return found

    def find(self, resource_type: str, resource_id: str) -> Resource | None:
        """Return the current version, or None where the chart has no such resource."""
        try:
            return self.read(resource_type, resource_id)
        except FhirError as fault:
            if fault.kind != FhirFault.MISSING:
                raise
            return None

    def read_metadata(self) -> Resource:
        """Return the server's CapabilityStatement, which most servers give to anybody."""
        return self._call("GET", "metadata")

    def check_access(self, resource_type: str) -> None:
        """Search a type as reconciliation does, for what no patient has. Raises FhirError if that is refused."""
        _page(self._call("GET", f"{resource_type}?_lastUpdated=ge{NEVER}&_count=1"))

    def search(self, query: str) -> list[Resource]:
        """Return all matches of `Type?parameters`, over all pages of this server."""
        return [resource for page in self.pages(query) for resource in page]

    def pages(self, query: str) -> Iterator[list[Resource]]:
        """Yield the matches of each page."""
        url = query if "_count=" in query else f"{query}{'&' if '?' in query else '?'}_count={PAGE}"
        for _ in range(MOST_PAGES):
            matches, following = _page(self._call("GET", url))
            yield matches
            if following is None:
                return
            url = addresses.followed(self.base_url, following)
        raise FhirError(FhirFault.REFUSED, f"more than {MOST_PAGES} pages")

    def count(self, query: str) -> int | None:
        """Return how many resources `Type?parameters` matches, or None where the server does not say."""
        total = self._call("GET", f"{query}&_summary=count").get("total")
        return total if isinstance(total, int) else None

    def put(self, resource: Resource) -> Resource:
        """Create or replace under the resource's own id."""
        return self._call("PUT", f"{resource['resourceType']}/{resource['id']}", resource)

    def delete(self, resource_type: str, resource_id: str) -> None:
        """Delete a resource that we made."""
        self._call("DELETE", f"{resource_type}/{quote(resource_id, safe='')}")

    def bundle(self, entries: list[Resource], kind: str = "transaction") -> list[Resource]:
        """Run a transaction (all or nothing) or batch; return the response's entries in the request's order."""
        body = {"resourceType": "Bundle", "type": kind, "entry": entries}
        return self._call("POST", "", body).get("entry", [])

    def _call(self, method: str, url: str, body: Resource | None = None, most_bytes: int | None = None) -> Resource:
        target = url if url.startswith(self.base_url) else f"{self.base_url}/{url}".rstrip("/")
        try:
            return self._answer(method, target, body, most_bytes)
        except FhirError as fault:
            fault.url = f"{method} {addresses.impersonal(self.base_url, target)}"
            raise

    def _answer(self, method: str, target: str, body: Resource | None, most_bytes: int | None) -> Resource:
        wait_s = self._not_before - time.monotonic()
        if wait_s > 0:
            raise _unreachable("asked to come later", wait_s)
        headers = {"Content-Type": "application/fhir+json"} if body else {}
        try:
            with self._http.stream(method, target, json=body, headers=headers) as answer:
                content = self._content(answer, most_bytes)
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise _unreachable(type(fault).__name__) from None
        with suppress(KeyError, ValueError):
            self.server_time = parsedate_to_datetime(answer.headers["date"])
        if answer.status_code >= 300:
            raise self._classified(method, target, body, answer, content)
        if method == "DELETE" and not content:
            return {}
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise _unreachable("answer is no JSON object")
        return found

    def _content(self, answer: httpx.Response, most_bytes: int | None) -> bytes:
        """Return the body. Raises FhirError for one without end: httpx's time-out begins again with every byte."""
        content, end = bytearray(), time.monotonic() + WHOLE_S
        for chunk in answer.iter_bytes():
            content += chunk
            if most_bytes is not None and len(content) > most_bytes:
                raise FhirError(FhirFault.TOO_LARGE, f"more than {most_bytes} bytes")
            if time.monotonic() > end or len(content) > MOST_BYTES:
                raise _unreachable("answer without end")
        return bytes(content)

    def _classified(
        self, method: str, target: str, body: Resource | None, answer: httpx.Response, content: bytes
    ) -> FhirError:
        status = answer.status_code
        message = f"{method} answered {status}"
        wait_s = 0.0
        if status in (409, 412):
            kind = FhirFault.CONFLICT
        elif status in (404, 410):
            kind = FhirFault.MISSING
        elif status == 429 or status >= 500:
            kind, wait_s = FhirFault.UNREACHABLE, retry_after.seconds(answer.headers, MOST_WAIT_S)
            self._not_before = max(self._not_before, time.monotonic() + wait_s)
        else:
            kind = FhirFault.REFUSED
        may_quote = not addresses.is_impersonal(self.base_url, target, body)
        return FhirError(
            kind,
            message,
            retryable=kind == FhirFault.UNREACHABLE,
            retry_after=timedelta(seconds=wait_s) if wait_s > 0 else None,
            status=status,
            diagnostics=addresses.words(content, may_quote=may_quote),
        )


def _page(page: Resource) -> tuple[list[Resource], str | None]:
    """Return the matches of one page, and the link to the next. Raises FhirError for what is no searchset."""
    if page.get("resourceType") != "Bundle":  # else a stranger's answer would look like a chart without news
        raise _unreachable("answered a search without a Bundle")
    try:
        matched = [e for e in page.get("entry", ()) if e.get("search", {}).get("mode", "match") == "match"]
        following = next((link["url"] for link in page.get("link", ()) if link.get("relation") == "next"), None)
        return [entry["resource"] for entry in matched if "resource" in entry], following
    except (AttributeError, LookupError, TypeError):
        raise _unreachable("answered a search with a Bundle that can't be read") from None


def _unreachable(message: str, wait_s: float = 0.0) -> FhirError:
    after = timedelta(seconds=wait_s) if wait_s > 0 else None
    return FhirError(FhirFault.UNREACHABLE, message, retryable=True, retry_after=after)
