"""The trainer, a process of the model environment: a job on standard input, progress and a report on standard output.

`python -m tuning.train [fit|score]`. A bad job ends with exit code 2 and one line on standard error.
"""

import fcntl
import sys
import time
from collections.abc import Callable
from math import exp
from pathlib import Path

from contracts.errors import TuningError, TuningFault
from contracts.tuning import FitJob, FitKind, FitReport, ScoreJob, ScoreReport
from integrations import files
from tuning import folders, jobs, lora_settings
from tuning.jobs import Tell


def fit(job: FitJob, tell: Tell) -> FitReport:
    """Train, or go on, or return what was trained before. Raises TuningError."""
    if job.kind == FitKind.CLASSICAL:
        raise TuningError(TuningFault.KIND, "a classical judge is not trained here")
    if not job.rows:
        raise TuningError(TuningFault.NO_ROWS, "nothing to learn from")
    if len({len(told) for row in job.rows for told in (row.request.choices, row.target, row.reward)}) != 1:
        raise TuningError(TuningFault.ROWS, "choices, targets and rewards differ in number")
    asked, out, base_sha256 = lora_settings.of(job), Path(job.out), folders.weights_sha256(Path(job.base))
    if job.start:
        folders.check_base(Path(job.start), base_sha256)
    out.mkdir(parents=True, exist_ok=True)
    with (out / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a former try whose caller was killed ends at its next line of progress
        _claim(out / "job.sha256", job.model_copy(update={"out": ""}).sha256())
        done = out / "report.json"
        if not done.exists():
            from tuning.lora import Fit  # torch takes seconds: what is refused or done is answered without it

            report = Fit(job, asked, base_sha256, tell).run()
            files.write(done, report.model_dump_json())
            (out / "checkpoint.pt").unlink(missing_ok=True)
        return FitReport.model_validate_json(done.read_bytes())


def score(job: ScoreJob, tell: Tell) -> ScoreReport:
    """Return the probability of each choice. Raises TuningError."""
    from tuning.policy import Policy

    began, policy = time.monotonic(), Policy(Path(job.model))
    prompts = [policy.prompt(request) for request in job.requests]
    told = policy.log_probabilities(prompts, _counted(tell, len(prompts)))
    return ScoreReport(
        probabilities=tuple(tuple(map(exp, row)) for row in told),
        seconds=time.monotonic() - began,
        cpu_seconds=time.process_time(),
    )


MODES: jobs.Modes = {"fit": (FitJob, fit), "score": (ScoreJob, score)}


def _claim(file: Path, sha256: str) -> None:
    """Make a folder this job's. Raises TuningError where it is another's."""
    if not file.exists():
        files.write(file, sha256)
    elif file.read_text() != sha256:
        raise TuningError(TuningFault.OTHER_JOB, f"{file.parent} holds another job")


def _counted(tell: Tell, of: int) -> Callable[[int], None]:
    done = 0

    def told(more: int) -> None:
        nonlocal done
        done += more
        tell({"step": done, "of": of})

    return told


if __name__ == "__main__":
    sys.exit(jobs.serve(MODES))
