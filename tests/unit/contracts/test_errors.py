"""Errors carry a kind and a bounded message."""

from enum import StrEnum
from pathlib import Path

import pytest

from contracts import errors

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("kind", errors.WardflowError.__subclasses__(), ids=lambda k: k.__name__)
def test_an_error_says_its_kind_and_a_bounded_message(kind: type[errors.WardflowError]) -> None:
    fault = kind("some_kind", "x" * 10_000, retryable=True)
    assert str(fault).startswith("some_kind: x")
    assert len(str(fault)) == errors.MESSAGE_CHARS
    assert (fault.kind, fault.retryable) == ("some_kind", True)
    assert (str(kind("bare")), kind("bare").retryable) == ("bare", False)


def test_where_a_setting_is_at_fault_the_text_begins_with_its_name() -> None:
    fault = errors.ConfigurationError(errors.ConfigurationFault.SETTING, "say why", setting="reason")
    assert (str(fault), fault.kind) == ("reason: say why", errors.ConfigurationFault.SETTING)
    assert fault.log_fields() == {"error": "ConfigurationError", "kind": "reason"}
    other = errors.ConfigurationError(errors.ConfigurationFault.NO_KEYS, "put keys.json there")
    assert (str(other), other.log_fields()["kind"]) == ("no_keys: put keys.json there", "no_keys")


@pytest.mark.parametrize("faults", [errors.ConfigurationFault, errors.LedgerFault, errors.TuningFault])
def test_every_kind_is_raised_somewhere(faults: type[StrEnum]) -> None:
    rooms = ("contracts", "integrations", "agents", "tuning", "activities", "workflows", "service", "infra")
    source = "\n".join(file.read_text() for room in rooms for file in (ROOT / room).rglob("*.py"))
    assert [fault for fault in faults if f"{faults.__name__}.{fault.name}" not in source] == []
