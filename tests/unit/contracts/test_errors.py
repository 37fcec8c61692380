"""Errors carry a kind and a bounded message."""

import pytest

from contracts import errors


@pytest.mark.parametrize("kind", errors.WardflowError.__subclasses__(), ids=lambda k: k.__name__)
def test_an_error_says_its_kind_and_a_bounded_message(kind: type[errors.WardflowError]) -> None:
    fault = kind("some_kind", "x" * 10_000, retryable=True)
    assert str(fault).startswith("some_kind: x")
    assert len(str(fault)) == errors.MESSAGE_CHARS
    assert (fault.kind, fault.retryable) == ("some_kind", True)
    assert (str(kind("bare")), kind("bare").retryable) == ("bare", False)
