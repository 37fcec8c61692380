"""From the bytes of a notification to an event: the only reader of what feeds send."""

import hashlib
import json

from contracts.events import FhirEvent
from integrations.fhir.client import Resource

ID_CHARS = 64  # FHIR R4, data type id
TAG = "urn:wardflow:written"
"""System of the tag and of the identifiers on all that we write."""


def parse(feed: str, raw: bytes, base_url: str) -> FhirEvent:
    """Return the event; what can't be read becomes a quarantined one, named by the hash of its bytes.

    `base_url` is the feed's own server: references to it are as good as relative ones.
    """
    try:
        return _event(feed, json.loads(raw), raw, base_url)
    except RecursionError:
        return quarantined(feed, raw, "nested too deep")
    except UnicodeError:  # bytes that are no UTF-8, or an escaped half of a character
        return quarantined(feed, raw, "no Unicode text")
    except ValueError:
        return quarantined(feed, raw, "no JSON")
    except (KeyError, TypeError, AttributeError):
        return quarantined(feed, raw, "no versioned FHIR resource")


def quarantined(feed: str, raw: bytes, reason: str) -> FhirEvent:
    """Return the small row that stands for unreadable bytes."""
    digest = hashlib.sha256(raw).hexdigest()
    return FhirEvent(feed=feed, resource_type="?", resource_id=digest, version_id="", quarantine=reason)


def _event(feed: str, resource: Resource, raw: bytes, base_url: str) -> FhirEvent:
    kind, id_, version = resource["resourceType"], resource["id"], resource["meta"]["versionId"]
    encounter = id_ if kind == "Encounter" else _encounter(resource, base_url)
    for part in (kind, id_, version, encounter or "none"):
        if not isinstance(part, str) or not part:
            raise TypeError("type, id and version must be text")
        if len(part.encode()) > ID_CHARS:
            raise TypeError("longer than FHIR allows")
    own = any(tag.get("system") == TAG for tag in resource["meta"].get("tag", ()))
    return FhirEvent(
        feed=feed, resource_type=kind, resource_id=id_, version_id=version, encounter_id=encounter, own=own, body=raw
    )


def _encounter(resource: Resource, base_url: str) -> str | None:
    reference = ((resource.get("encounter") or {}).get("reference") or "").removeprefix(f"{base_url}/")
    parts = reference.split("/")
    # Only references to this server: `https://elsewhere/Encounter/1` names another hospital's encounter.
    return parts[1] if len(parts) in (2, 4) and parts[0] == "Encounter" and parts[1] else None
