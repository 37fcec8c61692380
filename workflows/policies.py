"""Every timeout and retry of the workflows.

The FHIR client gives up a call after 5 s, and activities heartbeat between calls, so that a killed worker is noticed in
10 s while a slow chart is not cut off. Showing a suggestion ends after minutes and begins again with the chart as it is
then; writing a decision is tried for ever, since it was acknowledged.
"""

from datetime import timedelta

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityConfig

from contracts.queues import TaskQueue

RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=500),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=20),
    maximum_attempts=5000,
)
SUGGEST = ActivityConfig(
    schedule_to_close_timeout=timedelta(minutes=2),
    start_to_close_timeout=timedelta(minutes=1),
    heartbeat_timeout=timedelta(seconds=10),
    retry_policy=RETRY,
)
WRITE = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=1), heartbeat_timeout=timedelta(seconds=10), retry_policy=RETRY
)
RECORD = ActivityConfig(start_to_close_timeout=timedelta(seconds=30), retry_policy=RETRY)
LEDGER = ActivityConfig(task_queue=TaskQueue.LEDGER, start_to_close_timeout=timedelta(seconds=10), retry_policy=RETRY)
"""Without an end: a decision whose recording was given up might be in the ledger, and its person told so."""
MODEL = ActivityConfig(
    task_queue=TaskQueue.GPU_REASONING,
    schedule_to_start_timeout=timedelta(seconds=30),
    heartbeat_timeout=timedelta(seconds=8),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=5),
)
RULES_FROM = timedelta(seconds=2)
"""Before its deadline a case without a suggestion stops waiting for the model."""
RULES = ActivityConfig(
    task_queue=TaskQueue.CASES,
    schedule_to_close_timeout=timedelta(minutes=2),
    heartbeat_timeout=timedelta(seconds=8),
    retry_policy=RETRY,
)
REGISTER = ActivityConfig(start_to_close_timeout=timedelta(minutes=5), retry_policy=RETRY)
FIT = ActivityConfig(
    start_to_close_timeout=timedelta(hours=24),
    heartbeat_timeout=timedelta(seconds=30),  # a killed worker's job goes on from its checkpoint
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=20),
)
CURATE = JUDGE = FIT
SUGGEST_AGAIN = timedelta(seconds=10)
"""After a chart that could not be read or written; the clock of the case runs on beside it."""
WRITE_AGAIN = timedelta(seconds=30)
"""After a refusal that no retry could mend by itself."""
REFUSED_AGAIN = tuple(timedelta(milliseconds=200 * 2**n) for n in range(5))
"""Pauses before an activity whose answer was refused is scheduled again; its person waits for 15 s at most."""
WORKFLOW_TASK = timedelta(seconds=5)
"""Short, so that a killed worker delays a person by seconds."""
STICKY_QUEUE = timedelta(seconds=1)
CONCURRENT_WORKFLOW_TASKS = 4
"""More stall the worker on two cores (measured: 100 left 411 of 1,000 cases unfinished)."""
CACHED_CASES = 500
"""Bounds a worker's memory: about 0.2 MB a case."""


def model(until_due: timedelta, limit: timedelta) -> ActivityConfig:
    """Return the policy of a model run: it ends before the deadline of the case, where that is still ahead."""
    most = until_due - RULES_FROM
    return ActivityConfig(MODEL, schedule_to_close_timeout=min(most, limit) if most > timedelta() else limit)
