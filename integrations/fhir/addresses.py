"""The server's addresses: which of its links are its own, and what a log may say of a call and of its refusal."""

import json
import re
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urljoin, urlsplit

from contracts.errors import FhirError, FhirFault

WORDS_CHARS = 200  # of what the server says about a refusal
IMPERSONAL_TYPES = frozenset(["", "metadata", "Subscription", "Basic"])
"""What stands first in a path whose resources hold no patient data; empty for the base address."""
IMPERSONAL_PARAMETERS = frozenset(["_lastUpdated", "_count", "status"])
"""Parameters whose values name no patient."""
LOOPBACK = frozenset(["localhost", "127.0.0.1", "::1"])
PORTS = {"http": 80, "https": 443}
CODE = re.compile(r"[a-z-]{1,40}")  # FHIR R4, value set issue-type


def followed(base_url: str, link: str) -> str:
    """Return a link of the server as an address under our own base: our token goes nowhere else.

    A relative link counts from the base. Raises FhirError for a link to another address.
    """
    base = urlsplit(base_url)
    try:
        named = urlsplit(urljoin(f"{base_url}/", link))
        path = unquote(unquote(named.path)).replace("\\", "/")  # as a server may resolve it
        same = _origin(named) == _origin(base) and not {".", ".."} & set(path.split("/"))
    except (ValueError, TypeError, AttributeError):
        raise FhirError(FhirFault.REFUSED, "the link to the next page is no URL") from None
    rest = named.path.removeprefix(base.path)
    if not same or not named.path.startswith(base.path) or rest[:1] not in ("", "/"):
        there = f"{named.scheme}://{named.netloc.rpartition('@')[2]}"[:100]
        told = f"the next page is at {there}, not at {base_url[:100]}: set fhir_url to the server's own address"
        raise FhirError(FhirFault.REFUSED, told)
    return f"{base_url}{rest}?{named.query}" if named.query else f"{base_url}{rest}"


def _origin(address: SplitResult) -> tuple[str, str, int | None]:
    """Return scheme, host and port in one spelling; all names of this machine's loopback are one host."""
    host = (address.hostname or "").rstrip(".")
    return address.scheme, "localhost" if host in LOOPBACK else host, address.port or PORTS.get(address.scheme)


def impersonal(base_url: str, target: str) -> str:
    """Return the address with `*` for each id and value that may identify a patient."""
    type_, id_, pairs = _parts(base_url, target)
    path = "/".join(part for part in (type_, id_ if type_ in IMPERSONAL_TYPES else "*" * bool(id_)) if part)
    query = "&".join(f"{name}={value if name in IMPERSONAL_PARAMETERS else '*'}" for name, value in pairs)
    return "/".join(part for part in (base_url, path) if part) + (f"?{query}" if query else "")


def is_impersonal(base_url: str, target: str, body: dict[str, Any] | None) -> bool:
    """Return whether a call names no patient, so that what the server says of it does not either."""
    type_, id_, pairs = _parts(base_url, target)
    sent = [entry.get("resource", {}) for entry in body["entry"]] if body and "entry" in body else [body or {}]
    sends_none = {one.get("resourceType", "") for one in sent} <= IMPERSONAL_TYPES
    return sends_none and (type_ in IMPERSONAL_TYPES or not id_) and {n for n, _ in pairs} <= IMPERSONAL_PARAMETERS


def _parts(base_url: str, target: str) -> tuple[str, str, list[tuple[str, str]]]:
    named = urlsplit(target.removeprefix(base_url))
    type_, _, id_ = named.path.strip("/").partition("/")
    return type_, id_, parse_qsl(named.query, keep_blank_values=True)


def words(content: bytes, *, may_quote: bool) -> str:
    """Return what an OperationOutcome says; with `may_quote`, only codes: its words may quote a patient's data."""
    try:
        told = [issue["code"] if may_quote else _said(issue) for issue in json.loads(content)["issue"]]
        kept = [one for one in told if not may_quote or CODE.fullmatch(one)]
        return "".join(c if c.isprintable() else " " for c in "; ".join(kept))[:WORDS_CHARS]
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return ""


def _said(issue: dict[str, Any]) -> str:
    return issue.get("diagnostics") or (issue.get("details") or {}).get("text") or issue["code"]
