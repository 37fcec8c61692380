"""Every contract: immutable, strict, and the same after a trip through JSON."""

import importlib
import pkgutil
from datetime import UTC, datetime, timedelta
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import contracts
from contracts.frozen import Frozen
from tests.fakes.samples import CALM, NURSE, decision, facts, suggestion

MODULES = [importlib.import_module(f"contracts.{module.name}") for module in pkgutil.iter_modules(contracts.__path__)]
CONTRACTS = [
    kind
    for module in MODULES
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Frozen) and kind is not Frozen and kind.__module__ == module.__name__
]
st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
st.register_type_strategy(timedelta, st.timedeltas(timedelta(0), timedelta(days=30)))
st.register_type_strategy(bytes, st.text().map(str.encode))
st.register_type_strategy(object, st.none() | st.booleans() | st.integers() | st.text())  # a value of JSON


@pytest.mark.parametrize("kind", CONTRACTS, ids=lambda kind: kind.__name__)
@settings(max_examples=10)
@given(data=st.data())
def test_a_contract_is_the_same_after_a_trip_through_json(kind: type[Frozen], data: st.DataObject) -> None:
    value = data.draw(st.builds(kind))
    again = kind.model_validate_json(value.model_dump_json())
    assert again.canonical() == value.canonical()
    assert again.sha256() == value.sha256()


@pytest.mark.parametrize("value", [NURSE, decision(), facts(**CALM), suggestion()], ids=lambda v: type(v).__name__)
def test_unknown_fields_are_refused_and_values_cannot_be_changed(value: Frozen) -> None:
    given: dict[str, Any] = value.model_dump(mode="json")
    with pytest.raises(ValidationError, match="Extra inputs"):
        type(value).model_validate(given | {"misspelt": 1})
    with pytest.raises(ValidationError, match="frozen"):
        setattr(value, next(iter(given)), "x")


@pytest.mark.parametrize("number", [inf, -inf, nan])
def test_a_number_that_json_has_no_word_for_survives(number: float) -> None:
    fact = facts(hr=80).facts[0].model_copy(update={"number": number})
    again = type(fact).model_validate_json(fact.model_dump_json())
    assert repr(again.number) == repr(number)


def test_every_contract_is_covered_here() -> None:
    assert len(CONTRACTS) >= 25


def test_another_value_of_any_field_gives_another_hash() -> None:
    base = suggestion()
    others = [suggestion(selected="3"), suggestion(floor="2"), suggestion(dropped_claims=1), suggestion(facts=facts())]
    assert len({base.sha256(), *(other.sha256() for other in others)}) == 5
