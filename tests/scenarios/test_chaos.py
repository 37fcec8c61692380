"""The chaos ledger: seeded kills and faults on the real parts, then every record joined (docs/reliability.md)."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.measure.prove import rules, tamper
from tests.measure.prove.records import Records
from tests.measure.prove.run import Plan, Result, run

pytestmark = pytest.mark.integration
SEED, EVENTS = 1, 120  # `make prove` plays twelve
Played = Callable[[int], tuple[Result, Records]]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder: Path = tmp_path_factory.mktemp("chaos")

    @cache
    def play(seed: int) -> tuple[Result, Records]:
        return run(Plan(seed, EVENTS), folder / str(seed))

    return play


def test_nothing_is_lost_repeated_or_unseen_while_everything_is_killed(played: Played) -> None:
    result, _ = played(SEED)
    print(f"\n{result}")
    assert result.findings == []
    killed = {"worker", "gateway", "dispatcher", "worklist", "temporal", "valkey", "fhir"}
    assert set(result.kills) == killed, "it was no chaos"
    assert sum(result.acknowledged.values()) > EVENTS / 6 and result.repeated and result.only_found
    assert result.attention.get("decided"), "nothing demanded attention"


@pytest.mark.parametrize(("rule", "lie"), [(rule, lie) for rule, lies in tamper.LIES.items() for lie in lies])
def test_a_record_made_false_is_found(played: Played, rule: str, lie: tamper.Lie) -> None:
    _, records = played(SEED)
    known = rules.check(records)
    found = [finding for finding in rules.check(tamper.told(records, lie)) if finding not in known]
    assert rule in {finding.rule for finding in found}
