"""Parts of a recording, as players ask for them."""

import pytest

from service.worklist import byte_ranges

CONTENT = bytes(range(10))


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        (None, 200, CONTENT),
        ("bytes=0-", 206, CONTENT),
        ("bytes=2-4", 206, CONTENT[2:5]),
        ("bytes=8-99", 206, CONTENT[8:]),
        ("bytes=-3", 206, CONTENT[7:]),
        ("bytes=-99", 206, CONTENT),
        ("bytes=10-", 416, b""),
        ("bytes=4-2", 416, b""),
        ("bytes=-0", 416, b""),
        ("bytes=-", 200, CONTENT),
        ("bytes=0-1,3-4", 200, CONTENT),
        ("rows=0-1", 200, CONTENT),
    ],
)
def test_a_part_is_what_was_asked_for_or_all_or_refused(asked: str | None, status: int, part: bytes) -> None:
    answer = byte_ranges.answer(CONTENT, "audio/ogg", asked)
    assert (answer.status_code, bytes(answer.body)) == (status, part)
    if status == 206:
        first, last = CONTENT.index(part), CONTENT.index(part) + len(part) - 1
        assert answer.headers["content-range"] == f"bytes {first}-{last}/10"
