"""Parts of a recording, as players ask for them (RFC 9110, section 14)."""

import re

from fastapi.responses import Response

_ASKED = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def answer(content: bytes, media_type: str, asked: str | None) -> Response:
    """Return the part that a Range header asks for, all of it without one, or 416 where there is no such part."""
    size, match = len(content), _ASKED.fullmatch(asked or "")
    headers = {"Accept-Ranges": "bytes"}
    if match is None or match.groups() == ("", ""):
        return Response(content, media_type=media_type, headers=headers)
    told = [int(text) if text else None for text in match.groups()]
    first = told[0] if told[0] is not None else max(0, size - (told[1] or 0))
    last = min(size - 1, told[1] if told[0] is not None and told[1] is not None else size - 1)
    if first > last:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Response(content[first : last + 1], status_code=206, media_type=media_type, headers=headers)
