"""What an open page is told while nobody loads it anew."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

from service.worklist.pages import events


async def test_an_open_list_is_read_again_when_what_it_does_not_show_changes() -> None:
    async def follow(since: str) -> AsyncIterator[tuple[str, str | None]]:
        for _ in range(4):
            yield since, None
        yield "1-0", "c1" * 20

    live: Any = SimpleNamespace(follow=follow)
    told = iter([[], ["Not connected"], ["Not connected"], [], []])
    changes = events.messages(live, "0-0", lambda: next(told))
    names = [(await anext(changes)).split("event: ")[1].split("\n")[0] for _ in range(5)]
    assert names == ["heartbeat", "casechange", "heartbeat", "casechange", "casechange"]
