"""A charted quantity is the number that it means, or none at all."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.ed_triage import rules
from agents.physiology import MEASURES, POSSIBLE, UNITS
from agents.quantities import UnusableError, measured
from tests.fakes.samples import CALM, facts


@pytest.mark.parametrize(
    ("key", "quantity", "number"),
    [
        ("temp_c", {"value": 93.2, "code": "[degF]"}, 34.0),
        ("temp_c", {"value": 101.3, "unit": "degF"}, 38.5),
        ("temp_c", {"value": 98.6, "unit": "°F", "code": "[degF]"}, 37.0),
        ("temp_c", {"value": 36.8, "unit": "degrees C", "code": "Cel"}, 36.8),
        ("temp_c", {"value": 36.8}, 36.8),
        ("sbp", {"value": 12, "unit": "kPa"}, 90),
        ("sbp", {"value": 120, "unit": "mmHg", "code": "mm[Hg]"}, 120),
        ("spo2", {"value": 0.91, "code": "1"}, 91),
        ("hr", {"value": 120, "unit": "beats/minute", "code": "/min"}, 120),
        ("hr", {"value": 120, "unit": "BPM"}, 120),
        ("rr", {"value": 24, "code": "{breaths}/min"}, 24),
        ("hr", {"value": 0, "code": "/min"}, 0),
    ],
)
def test_units_are_converted(key: str, quantity: dict[str, Any], number: float) -> None:
    assert measured(quantity, MEASURES[key])[1] == number


@pytest.mark.parametrize(
    ("key", "quantity", "why"),
    [
        ("temp_c", {"value": 98.6}, "98.6, which can't be: expected 26 to 45"),
        ("temp_c", {"value": 98.6, "code": "Cel"}, "98.6 Cel, which can't be"),
        ("temp_c", {"value": 37, "code": "Cel", "unit": "degF"}, "37 Cel degF, whose code and unit differ"),
        ("temp_c", {"value": 37, "code": "K"}, "in a unit that is not known"),
        ("spo2", {"value": 0.97}, "which can't be"),
        ("spo2", {"value": 97, "unit": "mmHg"}, "in a unit that is not known"),
        ("hr", {"value": -5, "code": "/min"}, "which can't be"),
        ("hr", {"value": 2, "code": "Hz"}, "in a unit that is not known"),
        ("hr", {"value": 1e10}, "10000000000, which can't be"),
        ("sbp", {"value": 170, "unit": "lbs"}, "in a unit that is not known"),
        ("hr", {"value": "80"}, "which is no number"),
        ("hr", {"value": True}, "which is no number"),
        ("hr", {"value": float("nan")}, "which is no number"),
        ("hr", {"unit": "/min"}, "without a value"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_was_charted(key: str, quantity: dict[str, Any], why: str) -> None:
    with pytest.raises(UnusableError, match=why):
        measured(quantity, MEASURES[key])


@pytest.mark.parametrize(
    ("key", "quantity", "points"),
    [
        ("spo2", {"value": 92, "comparator": "<"}, 3),
        ("hr", {"value": 130, "comparator": ">"}, 3),
        ("temp_c", {"value": 39, "comparator": ">"}, 2),
        ("temp_c", {"value": 35, "comparator": "<="}, 3),
        ("hr", {"value": 130, "comparator": "<="}, 2),
    ],
)
def test_a_bound_demands_what_every_value_beyond_it_would(key: str, quantity: dict[str, Any], points: int) -> None:
    text, number = measured(quantity, MEASURES[key])
    assert text == f"{quantity['comparator']}{quantity['value']}"
    assert rules.news2_points(facts(**CALM | {key: number}))[key] == points


units = st.sampled_from(sorted({unit for known in UNITS.values() for unit in known}))
anything = st.none() | st.text(max_size=5) | st.integers() | st.lists(st.integers(), max_size=2) | units


@given(
    st.sampled_from(list(MEASURES)),
    st.dictionaries(st.sampled_from(["code", "unit", "comparator"]), anything),
    st.floats() | anything,
)
def test_a_value_is_within_what_can_be_or_it_is_none(key: str, quantity: dict[str, Any], value: Any) -> None:
    try:
        number = measured(quantity | {"value": value}, MEASURES[key])[1]
    except (UnusableError, TypeError):
        return
    low, high = POSSIBLE[key].limits
    assert low - 1 <= number <= high + 1
