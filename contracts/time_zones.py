"""The time zone of a hospital, by its IANA name."""

from datetime import UTC, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

DEFAULT = "UTC"
OF_THE_MACHINE = ("localtime", "posixrules")
"""Names in a zone database that mean another zone on another machine."""


def zone_named(name: str) -> tzinfo:
    """Return the zone of that IANA name. Raises ValueError where this machine's database has none."""
    if name == DEFAULT:
        return UTC  # which needs no database
    try:
        if name not in OF_THE_MACHINE:
            return ZoneInfo(name)
    except (ValueError, LookupError, OSError):
        pass
    raise ValueError(f"{name!r} is no time zone that is known here; use an IANA name, such as Europe/Berlin")


def _known(name: str) -> str:
    zone_named(name)
    return name


TimeZone = Annotated[str, AfterValidator(_known)]
"""An IANA name that is known here."""
