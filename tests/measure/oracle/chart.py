"""Reads the FHIR server itself: what is in the chart now, and every version that its history tells of."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

import httpx

from tests.measure.oracle.resources import Resource, instant, meaning, named, version

TYPES = ("Encounter", "Observation", "Patient")
NO_HISTORY = frozenset([400, 403, 404, 405, 501])
PAGES = 10_000


@dataclass
class Chart:
    """`current` by `Type/id`; `history` by `Type/id` and version."""

    at: datetime
    """When it was read, which is after all had settled."""
    current: dict[str, Resource] = field(default_factory=dict)
    history: dict[str, dict[str, Resource]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    """`Type/id` of what was deleted and did not come back."""
    without_history: set[str] = field(default_factory=set)
    """Types of which the server tells no history."""

    def was(self, name: str, of_version: str) -> Resource | None:
        """Return a version of a resource, or None where the history doesn't tell of it."""
        return self.history.get(name, {}).get(of_version)

    def since(self, name: str, content: str) -> datetime | None:
        """Return when the first version of that meaning was written; None where the history doesn't tell."""
        alike = [r for r in self.history.get(name, {}).values() if meaning(r) == content]
        written = [when for r in alike if (when := instant(r.get("meta", {}).get("lastUpdated")))]
        return min(written, default=None)


def read(base_url: str, token: str, at: datetime | None = None, http: httpx.Client | None = None) -> Chart:
    """Read all Encounters, Observations and Patients. Raises httpx.HTTPError where the server doesn't answer."""
    client = http or httpx.Client(timeout=60)
    client.headers["Authorization"] = f"Bearer {token}"
    base = base_url.rstrip("/")
    chart = Chart(at or datetime.now(UTC))
    try:
        for type_ in TYPES:
            for entry in _entries(client, f"{base}/{type_}?_count=500"):
                keep(chart, entry.get("resource"))
            _read_history(client, base, type_, chart)
    finally:
        if http is None:
            client.close()
    return chart


def keep(chart: Chart, resource: Resource | None) -> None:
    """Take a resource for what the chart holds now."""
    if resource and resource["resourceType"] in TYPES:
        chart.current[named(resource)] = resource
        chart.history.setdefault(named(resource), {})[version(resource)] = resource


def _read_history(client: httpx.Client, base: str, type_: str, chart: Chart) -> None:
    try:
        for entry in _entries(client, f"{base}/{type_}/_history?_count=500"):
            resource, request = entry.get("resource"), entry.get("request") or {}
            if resource and request.get("method") != "DELETE":
                chart.history.setdefault(named(resource), {})[version(resource)] = resource
            elif request.get("method") == "DELETE":
                name = "/".join((request.get("url") or entry.get("fullUrl", "")).rstrip("/").split("/")[-2:])
                chart.deleted |= {name} - chart.current.keys()
    except httpx.HTTPStatusError as refused:
        if refused.response.status_code not in NO_HISTORY:
            raise
        chart.without_history.add(type_)


def _entries(client: httpx.Client, url: str) -> Iterator[Resource]:
    """Yield the entries of all pages; a next page is asked of the same server, however its address is spelled."""
    for _ in range(PAGES):
        page = client.get(url).raise_for_status().json()
        yield from page.get("entry", ())
        following = next((one["url"] for one in page.get("link", ()) if one.get("relation") == "next"), None)
        if following is None:
            return
        asked, wanted = urlsplit(url), urlsplit(urljoin(url, following))
        url = wanted._replace(scheme=asked.scheme, netloc=asked.netloc).geturl()
    raise RuntimeError(f"more than {PAGES} pages")
