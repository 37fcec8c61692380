"""Finding drug names among what was heard takes a bounded time, and nobody else waits for it."""

import asyncio
import gc
import random
import string
import time

import pytest

from agents.dictation import names, numbers
from agents.dictation.hearing import better, doubts
from agents.dictation.names import Matcher
from agents.dictation.numbers import Kind
from contracts.transcripts import Transcript
from tests.fakes.dictations import Ear, proposed, spoken

WITHIN_S, TICK_S, LATE_S = 2.0, 0.01, 0.1


def words(seed: int, count: int, letters: int) -> str:
    dice = random.Random(seed)
    return " ".join("".join(dice.choices(string.ascii_lowercase, k=letters)) for _ in range(count))


@pytest.mark.parametrize(("count", "letters"), [(300, 40), (300, 20), (1500, 12)])
async def test_words_in_dispute_take_a_bounded_time_and_the_loop_goes_on(count: int, letters: int) -> None:
    late, done = [0.0], asyncio.Event()

    async def tick() -> None:
        """Note what the loop's own thread computes between two ticks: by wall time a busy machine would be to blame."""
        while not done.is_set():
            begun = time.thread_time()
            await asyncio.sleep(TICK_S)
            late.append(time.thread_time() - begun)

    gc.freeze()  # a collection of what the tests before left is not the matcher's
    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    begun = time.process_time()
    await proposed(Ear(words(1, count, letters), words(2, count, letters)))
    took = time.process_time() - begun
    done.set()
    await ticking
    gc.unfreeze()
    assert took < WITHIN_S and max(late) < LATE_S, (took, max(late))


def test_what_there_was_no_time_to_match_is_marked_and_not_trusted() -> None:
    said = spoken("she asks for atorvastin and a torva statin now")
    late = Matcher((), seconds=0.0)
    found = doubts(said, said, matcher=late)
    marked = {n for d in found for n in range(d.first, d.last + 1)}
    assert {3, 5, 6, 7} <= marked and all(Kind.DRUG in d.why for d in found)
    assert doubts(spoken("given aspirin 300 mg"), spoken("given aspirin 300 mg"), matcher=late) == (), "a known name"


def test_candidates_are_limited_whatever_time_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MOST_MATCHED", 5)
    matcher = Matcher((), seconds=60.0)
    said = spoken(words(3, 10, 12))
    assert better(said, said, matcher=matcher) == (said, said)
    assert len(matcher.unmatched) >= 5 and doubts(said, said, matcher=matcher)


def test_words_that_no_name_is_as_long_as_are_not_compared() -> None:
    matcher = Matcher(["Zorbimab"], seconds=60.0)
    assert not any(matcher.is_drug(word, single=True) for word in words(4, 200, 40).split())
    assert not matcher.unmatched and max(map(len, matcher.known)) * 1.4 < 40


def test_hearings_too_long_to_compare_differ_altogether() -> None:
    said = "pulse 90 " * 1300
    (doubt,) = doubts(spoken(said), spoken(said))
    assert (doubt.first, doubt.last) == (0, 2599)
    assert len(numbers.read(said.split())) ** 2 > 6_250_000


def test_nothing_is_compared_with_nothing() -> None:
    nothing = Transcript(words=(), duration_s=1)
    assert doubts(nothing, nothing) == ()
