"""From the bytes of a notification to an event; what names a resource without its content is in `deletions.py`."""

import hashlib
import json
import re

from contracts.charts import TAG
from contracts.events import REPEATED, FhirEvent
from integrations.fhir.client import Resource

ID_CHARS = 64  # FHIR R4, data type id
ID = re.compile(r"[A-Za-z0-9.\-_]+")  # with the underscore, which FHIR does not allow and servers use


def parse(feed: str, raw: bytes, base_url: str) -> FhirEvent:
    """Return the event; what can't be read becomes a quarantined one, named by the hash of its bytes.

    `base_url` is the feed's own server: references to it are as good as relative ones.
    """
    try:
        return _event(feed, json.loads(raw), raw, base_url)
    except RecursionError:
        return unreadable(feed, raw, "nested too deep")
    except UnicodeError:  # bytes that are no UTF-8, or an escaped half of a character
        return unreadable(feed, raw, "no Unicode text")
    except ValueError:
        return unreadable(feed, raw, "no JSON")
    except (KeyError, TypeError, AttributeError):
        return unreadable(feed, raw, "no versioned FHIR resource")


def unreadable(feed: str, raw: bytes, reason: str) -> FhirEvent:
    """Return the small row that stands for these bytes."""
    return quarantined(feed, hashlib.sha256(raw).hexdigest(), reason)


def quarantined(feed: str, digest: str, reason: str) -> FhirEvent:
    """Return the small row that stands for what has this hash."""
    return FhirEvent(feed=feed, resource_type="?", resource_id=digest, version_id="", quarantine=reason)


def _event(feed: str, resource: Resource, raw: bytes, base_url: str) -> FhirEvent:
    kind, id_, version = resource["resourceType"], resource["id"], resource["meta"]["versionId"]
    encounter = id_ if kind == "Encounter" else _encounter(resource, base_url)
    for part in (kind, id_, version, encounter or "none"):
        if not isinstance(part, str) or not part:
            raise TypeError("type, id and version must be text")
        if len(part.encode()) > ID_CHARS:
            raise TypeError("longer than FHIR allows")
    if not kind.isalpha() or not all(ID.fullmatch(part) for part in (id_, encounter or "none")):
        raise TypeError("no type or id of FHIR's")  # else it would stand in our searches as it is
    if REPEATED in version:
        raise TypeError("no version of FHIR's")
    own = any(tag.get("system") == TAG for tag in resource["meta"].get("tag", ()))
    return FhirEvent(
        feed=feed, resource_type=kind, resource_id=id_, version_id=version, encounter_id=encounter, own=own, body=raw
    )


def _encounter(resource: Resource, base_url: str) -> str | None:
    named = (_local(one, base_url) for one in _stays(resource))
    return next((id_ for id_ in named if id_), None)


def _stays(resource: Resource) -> list[Resource | None]:
    """Return the references by which a resource of that type may name its encounter."""
    match resource["resourceType"]:
        case "DocumentReference":
            return (resource.get("context") or {}).get("encounter") or []
        case "Binary":
            return [resource.get("securityContext")]
        case _:
            return [resource.get("encounter")]


def _local(named: Resource | None, base_url: str) -> str | None:
    parts = ((named or {}).get("reference") or "").removeprefix(f"{base_url}/").split("/")
    # Only references to this server: `https://elsewhere/Encounter/1` names another hospital's encounter.
    return parts[1] if len(parts) in (2, 4) and parts[0] == "Encounter" and parts[1] else None
