"""How long a server asks to be left alone (RFC 9110, section 10.2.3)."""

from email.utils import parsedate_to_datetime

import httpx

from integrations import clock


def seconds(headers: httpx.Headers, most_s: float) -> float:
    """Return what Retry-After asks for, 0 without one; a date counts from the server's own clock."""
    told = headers.get("retry-after", "")
    if told.isdecimal() and len(told) < 10:
        return min(float(told), most_s)
    try:
        until = parsedate_to_datetime(told)
        begun = parsedate_to_datetime(headers["date"]) if "date" in headers else clock.now()
        return min(max((until - begun).total_seconds(), 0.0), most_s)
    except (ValueError, TypeError):
        return 0.0
