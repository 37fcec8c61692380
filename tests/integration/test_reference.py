"""The independent calculator answers the question that was asked, and leaves no process behind."""

import asyncio
import sys
from pathlib import Path

import pytest

from integrations.reference import clincalc
from integrations.reference.clincalc import Clincalc

pytestmark = pytest.mark.integration
SLOW = """
import json, sys, time
for line in sys.stdin:
    name, _ = json.loads(line)
    time.sleep(3 if name == "anion_gap" else 0)
    print({"anion_gap": 20, "corrected_calcium": 2.2}[name], flush=True)
"""
GAP = {"na": 140.0, "cl": 100.0, "hco3": 20.0}


async def test_an_answer_that_nobody_waits_for_any_more_is_not_the_answer_to_the_next_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clincalc, "PROGRAM", SLOW)
    asked = Clincalc(Path(sys.executable))
    given_up = asyncio.create_task(asked.result("anion_gap", GAP))
    await asyncio.sleep(0.1)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert await asked.result("corrected_calcium", {"calcium": 2.2, "albumin": 40.0}) == 2.2
    await asked.close()
