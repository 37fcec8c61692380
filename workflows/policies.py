"""Every timeout and retry of the workflows.

The FHIR client gives up after 5 s, so an activity's start-to-close time is longer than its calls together. A chart
that is away for a night must not fail a case: attempts are many, and the watchdog raises what waits.
"""

from datetime import timedelta

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityConfig

from contracts.queues import TaskQueue

PATIENT_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=500),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=20),
    maximum_attempts=5000,
)
CHART_READ = ActivityConfig(start_to_close_timeout=timedelta(seconds=20), retry_policy=PATIENT_RETRY)
CHART_WRITE = ActivityConfig(start_to_close_timeout=timedelta(seconds=20), retry_policy=PATIENT_RETRY)
LEDGER = ActivityConfig(start_to_close_timeout=timedelta(seconds=5), retry_policy=PATIENT_RETRY)
RECORD = ActivityConfig(start_to_close_timeout=timedelta(seconds=20), retry_policy=PATIENT_RETRY)
MODEL = ActivityConfig(
    task_queue=TaskQueue.GPU_REASONING,
    schedule_to_close_timeout=timedelta(minutes=5),
    heartbeat_timeout=timedelta(seconds=8),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=10),
)
RULES = ActivityConfig(
    task_queue=TaskQueue.CASES,
    start_to_close_timeout=timedelta(seconds=30),
    heartbeat_timeout=timedelta(seconds=8),
    retry_policy=PATIENT_RETRY,
)
WORKFLOW_TASK = timedelta(seconds=5)
"""Short, so that a killed worker delays a person by seconds."""
STICKY_QUEUE = timedelta(seconds=1)
CONCURRENT_WORKFLOW_TASKS = 4
"""More stall the worker on two cores (measured: 100 left 411 of 1,000 cases unfinished)."""
CACHED_CASES = 500
"""Bounds a worker's memory: about 0.2 MB a case."""
