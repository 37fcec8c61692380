"""Of the stream only what we publish is passed on."""

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.blobs.sealing import Keyring
from integrations.live import worklist
from service.worklist.pages import events

CASE = Keyring("k1", {"k1": b"k" * 32}, b"n" * 32).name("ed_triage", "encounter", "1")


@pytest.mark.parametrize("told", [CASE, worklist.LEDGER_AWAY, ""])
def test_what_we_publish_is_passed_on(told: str) -> None:
    assert worklist.published({b"case": told.encode()}) == told


@pytest.mark.parametrize(
    "fields",
    [
        {}, {b"other": CASE.encode()}, {b"case": b"x\n\ndata: <p>"}, {b"case": f"{CASE}\n".encode()},
        {b"case": CASE.upper().encode()}, {b"case": f"{CASE}0".encode()}, {b"case": b"\xff" * 40},
        {b"case": b"ledger\r"},
    ],
)  # fmt: skip
def test_what_we_do_not_publish_is_nothing(fields: dict[bytes, bytes]) -> None:
    assert worklist.published(fields) is None


class Forged:
    """A Redis of an attacker, as the client of `LiveWorklist` would give it."""

    def __init__(self, *entries: tuple[str, str | None]) -> None:
        self.entries, self.asked = entries, list[str]()

    async def follow(self, since: str) -> Any:
        self.asked.append(since)
        for entry in self.entries:
            yield entry
        raise StopAsyncIteration


async def messages(live: Forged, since: str) -> list[str]:
    told: list[str] = []
    try:
        async for message in events.messages(cast(Any, live), since, list):
            told.append(message)
    except RuntimeError:  # an attacker's stream has ended
        pass
    return told


@given(st.lists(st.tuples(st.text(max_size=60), st.none() | st.text(max_size=60))))
async def test_a_message_to_a_page_has_a_name_and_no_more_than_an_id(entries: list[tuple[str, str | None]]) -> None:
    for message in await messages(Forged(*entries, ("1-0", CASE)), "0-0"):
        id_, name, data, *rest = message.split("\n")
        assert id_.startswith("id: ") and name in ("event: casechange", "event: heartbeat") and rest == ["", ""]
        assert worklist.CHANGE.fullmatch(data.removeprefix("data: ")), message


@pytest.mark.parametrize("since", ["$", "", "1-0\nevent: x", "+", "99999999999999999999999-0", "1"])
async def test_a_position_that_is_none_of_redis_has_the_page_read_the_ledger(since: str) -> None:
    live = Forged(("1-0", CASE))
    told = await messages(live, since)
    assert told[0] == "event: casechange\ndata:\n\n" and live.asked == ["$"]
    assert len(told) == 2
