"""Every policy bounds its attempts (style 18)."""

from datetime import timedelta

import pytest
from temporalio.common import RetryPolicy

from workflows import policies


def test_every_activity_has_a_time_out_and_a_bounded_number_of_attempts() -> None:
    configs = [value for value in vars(policies).values() if isinstance(value, dict) and "retry_policy" in value]
    assert len(configs) >= 5
    for config in configs:
        config = policies.model(timedelta(), timedelta(seconds=120)) if config is policies.MODEL else config
        retry = config["retry_policy"]
        assert isinstance(retry, RetryPolicy)
        assert retry.maximum_attempts > 0
        assert "start_to_close_timeout" in config or "schedule_to_close_timeout" in config


@pytest.mark.parametrize(("until_due", "most"), [(300, 120), (25, 23), (1, 120), (-60, 120)])
def test_the_model_is_not_waited_for_beyond_the_deadline_that_is_ahead(until_due: float, most: float) -> None:
    policy = policies.model(timedelta(seconds=until_due), timedelta(seconds=120))
    assert policy.get("schedule_to_close_timeout") == timedelta(seconds=most)
    assert "schedule_to_close_timeout" not in policies.MODEL
