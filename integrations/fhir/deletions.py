"""Deletions: their notice names the resource in its path or in a vendor's header, and never holds it."""

import re

MEDPLUM_DELETED = "x-medplum-deleted-resource"
"""Header by which Medplum names a deleted resource."""
NAMED = re.compile(r"([A-Z][A-Za-z]{0,63})/([A-Za-z0-9.\-_]{1,64})")


def named(path: str, header: str = "") -> tuple[str, str] | None:
    """Return the type and id of the resource that a notice without content names, or None.

    `header` is the value of `MEDPLUM_DELETED`; either counts only where it is `Type/id` and nothing else.
    """
    for text in (header, path):
        if found := NAMED.fullmatch(text.strip().strip("/")):
            return found[1], found[2]
    return None
