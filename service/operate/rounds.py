"""Plans rounds of tuning from files or from the ledger, starts what they need, and follows them to their end."""

import asyncio
import hashlib
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fsspec.core import url_to_fs
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDReusePolicy
from temporalio.converter import WorkflowSerializationContext
from temporalio.exceptions import ActivityError, WorkflowAlreadyStartedError
from temporalio.service import RPCError

from activities.workbench import FOLDER, Workbench
from agents.pathway import Pathway, Ports, suggest
from contracts.charts import ChartFacts
from contracts.errors import ConfigurationError, ConfigurationFault, TuningError, TuningFault
from contracts.queues import TaskQueue
from contracts.rounds import MeasuredCase, RoundsPlan, RoundsReport
from contracts.tuning import DecidedCase, FitKind, RegisteredModel, VerdictOutcome
from integrations import clock, stderr
from integrations.ledger import registry
from service.worker import tuning as tuner
from tuning import folders
from tuning.evaluation import labelled
from workflows.tuning import Tuning

HELD_OUT = 5
"""One decided case of so many measures instead of training, where no other cases measure."""
START_S, LOOK_S = 60.0, 5.0


@dataclass(frozen=True)
class Measuring:
    """Levels that measure; without any, some of the decided cases do, against their decisions."""

    cases: Path | None
    labels: Path | None
    column: str | None


@dataclass(frozen=True)
class Wanted:
    """What the command asks for."""

    rounds: int
    margin: float
    kind: FitKind
    options: dict[str, str]
    settings: dict[str, float | int | str]


async def from_files(cases: Path, decisions: Path, column: str, role: str, pathway: Pathway) -> list[DecidedCase]:
    """Return what a person decided of each chart alone."""
    charts = labelled.charts(cases, pathway, None)
    return labelled.decided(charts, decisions, column, role, await _levels(pathway, charts[0]))


async def measured(
    decided: Sequence[DecidedCase], measuring: Measuring, pathway: Pathway
) -> tuple[list[DecidedCase], list[MeasuredCase], str]:
    """Return the decided cases that train, those that measure, and against whose levels. Raises ConfigurationError.

    A decision that contradicts itself does neither.
    """
    decided = [case for case in decided if not case.contradiction()]
    if measuring.cases:
        if not measuring.labels or not measuring.column:
            raise ConfigurationError(
                ConfigurationFault.SETTING, "they need --labels and --label-column", setting="eval_cases"
            )
        charts, train = labelled.charts(measuring.cases, pathway, None), list(decided)
    else:
        charts = [case.facts for case in decided if _held_out(case)]
        train = [case for case in decided if not _held_out(case)]
    if measuring.labels and measuring.column:
        ids = [chart.encounter_id for chart in charts]
        levels = await _levels(pathway, charts[0]) if charts else []
        said = labelled.levels(measuring.labels, measuring.column, ids, levels)
        against = f"{measuring.column} of {len(charts)} cases of {(measuring.cases or measuring.labels).name}"
    else:
        said = [case.selected or "" for case in decided if _held_out(case)]
        kept = [(chart, level) for chart, level in zip(charts, said, strict=True) if level]
        charts, said = [chart for chart, _ in kept], [level for _, level in kept]
        against = f"the decisions of {len(charts)} cases that did not train"
    if not charts or not train:
        raise ConfigurationError(
            ConfigurationFault.TOO_FEW, f"{len(decided)} decided cases are too few to train and to measure"
        )
    return train, [MeasuredCase(facts=c, reference=level) for c, level in zip(charts, said, strict=True)], against


async def _levels(pathway: Pathway, chart: ChartFacts) -> list[str]:
    return [choice.code for choice in (await suggest(pathway, chart, Ports())).choices]


def _held_out(case: DecidedCase) -> bool:
    return int(hashlib.sha256(case.row_id.encode()).hexdigest(), 16) % HELD_OUT == 0


def base_model(bench: Workbench, pathway: str, base: str) -> RegisteredModel:
    """Register the untuned model at a path or an fsspec URL. Raises ConfigurationError, TuningError."""
    folder = Path(base).resolve()
    if "://" in base:
        fs, root = url_to_fs(base)
        folder = bench.state / FOLDER / "bases" / Path(root).name
        if not folder.exists():
            fs.get(root, str(folder), recursive=True)
    files = folders.file_sha256(folder)
    if not any(name.endswith(".safetensors") for name in files):
        raise ConfigurationError(
            ConfigurationFault.SETTING,
            f"{folder} holds no model in safetensors: `make models`, or name one by --base",
            setting="base",
        )
    template = files.get("chat_template.jinja") or files.get("tokenizer_config.json", "")
    model = RegisteredModel(
        name=folder.name, pathway=pathway, kind=FitKind.MODEL, parent=None, base_sha256=folders.weights_sha256(folder),
        adapter_sha256="", tokenizer_sha256=files.get("tokenizer.json", ""), template_sha256=template, data_sha256="",
        code_sha256="", settings={}, folder=str(folder), file_sha256=files, evaluation={},
        outcome=VerdictOutcome.UNTUNED, made_at=clock.now(),
    )  # fmt: skip
    with bench.records.db.write() as tx:
        registry.register(tx, bench.records.auditor, model)
    return model


def plan(
    bench: Workbench, pathway: Pathway, base: RegisteredModel, wanted: Wanted, train: Sequence[DecidedCase],
    measuring: Sequence[MeasuredCase], against: str,
) -> RoundsPlan:  # fmt: skip
    """Seal the cases and return the plan; it starts from the deployed champion, else from the base."""
    with bench.records.db.read() as tx:
        champion = registry.meant(tx, registry.CHAMPION) or base.name
    return RoundsPlan(
        pathway=pathway.name,
        options=wanted.options,
        decided_blob=bench.put(train),
        measured_blob=bench.put(measuring),
        measured_against=against,
        champion=champion,
        base=base.name,
        parts=tuple(len(train) * number // wanted.rounds for number in range(1, wanted.rounds + 1)),
        kind=wanted.kind,
        settings=wanted.settings,
        margin=wanted.margin,
    )


async def run(planned: RoundsPlan, state: Path, venv: Path) -> RoundsReport:
    """Run the rounds on a Temporal server and a worker of their own; the same plan goes on where it was.

    Raises ConfigurationError where they can't be started, WorkflowFailureError where a step failed for good.
    """
    worker = [
        sys.executable,
        "-m",
        "service.commands.cli",
        "tune",
        "worker",
        "--state",
        str(state),
        "--venv",
        str(venv),
    ]
    folder = state / FOLDER
    parts = subprocess.Popen([sys.executable, "-m", "infra.tuning", str(folder), *worker], stdout=sys.stderr)
    try:
        client = await _connected(parts, state)
        id_ = f"rounds-{planned.sha256()[:16]}"
        try:
            handle = await client.start_workflow(
                Tuning.run, planned, id=id_, task_queue=TaskQueue.GPU_TUNING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            )  # fmt: skip
        except WorkflowAlreadyStartedError:
            handle = client.get_workflow_handle_for(Tuning.run, id_)
        following = asyncio.create_task(_follow(client, handle))
        report = await handle.result()
        following.cancel()
        return report
    except WorkflowFailureError as fault:
        cause = fault.cause.cause if isinstance(fault.cause, ActivityError) else fault.cause
        raise TuningError(TuningFault.FAILED, getattr(cause, "message", "") or str(cause)) from None
    finally:
        parts.terminate()
        parts.wait(30)


async def _connected(parts: "subprocess.Popen[bytes]", state: Path) -> Client:
    end = time.monotonic() + START_S
    while parts.poll() is None and time.monotonic() < end:
        try:
            return await tuner.client(state)
        except (RuntimeError, OSError):
            await asyncio.sleep(0.2)
    raise ConfigurationError(ConfigurationFault.NOT_STARTED, f"see above, and the logs in {state / FOLDER / 'logs'}")


async def _follow(client: Client, handle: "WorkflowHandle[Tuning, RoundsReport]") -> None:
    """Print each new line of progress: which round and step, and what the trainer says of it."""
    told = ""
    converter = client.data_converter.with_context(WorkflowSerializationContext(client.namespace, handle.id))
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            pending = (await handle.describe()).raw_description.pending_activities
        except RPCError:
            continue
        for step in pending:
            payloads = step.heartbeat_details.payloads  # none before its first beat
            said = await converter.decode(payloads, [str]) if payloads else [""]
            line = f"{step.activity_type.name} {said[0]}".rstrip()
            if line != told:
                told = line
                stderr.show(f"tune: {line}")
