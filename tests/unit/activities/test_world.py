"""What crosses to Temporal when an activity fails: a kind, never a text of a chart."""

import pytest
from temporalio.exceptions import ApplicationError

from activities.boundary import boundary
from contracts.errors import FhirError, FhirFault, LedgerError, LedgerFault
from tests.fakes.samples import NAME


@pytest.mark.parametrize(
    ("fault", "details", "final"),
    [
        (FhirError(FhirFault.UNREACHABLE, "ReadTimeout", retryable=True), ("unreachable",), False),
        (FhirError(FhirFault.REFUSED, "PUT answered 422"), ("refused",), True),
        (LedgerError(LedgerFault.DATABASE, "OperationalError", retryable=True), ("database",), False),
    ],
)
def test_our_errors_cross_with_type_kind_and_whether_to_retry(
    fault: Exception, details: tuple[str, ...], final: bool
) -> None:
    with pytest.raises(ApplicationError) as crossed, boundary():
        raise fault
    assert (crossed.value.type, crossed.value.details, crossed.value.non_retryable) == (
        type(fault).__name__, details, final,
    )  # fmt: skip


def test_any_other_error_crosses_by_its_class_alone() -> None:
    with pytest.raises(ApplicationError) as crossed, boundary():
        raise KeyError(NAME)
    assert (crossed.value.type, crossed.value.non_retryable) == ("KeyError", True)
    assert NAME not in f"{crossed.value!r} {crossed.value.details} {crossed.value.__cause__!r}"
