"""The trajectory file: ATIF v1.8 as we write and read it; docs/trajectory.md tells what `extra` holds, and why."""

import json
from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field, PlainSerializer

from contracts.cases import CaseState
from contracts.decisions import Decision
from contracts.frozen import Frozen
from contracts.model_calls import TokenLogprob
from contracts.suggestions import Proposal
from contracts.tuning import Arm

ATIF = "ATIF-v1.8"
EXTRA_VERSION = 1
"""Of what stands under `extra`; files of another version are refused."""

T = TypeVar("T")
Moment = Annotated[datetime, PlainSerializer(datetime.isoformat)]


def _absent(value: object) -> bool:
    return value is None or value is False


class Extra(Frozen, Generic[T]):
    """Where ATIF lets a program keep what the format has no field for."""

    wardflow: T


class ShownProposal(Proposal):
    """What was shown; its facts are those of the snapshot."""

    measured: bool = True
    """As in `Suggestion`."""


class Sampling(Frozen):
    temperature: float
    max_tokens: int


class CallDetails(Frozen):
    """How a model answered."""

    policy_version: str
    """The model's name as the server gave it: base and adapter."""
    endpoint: str
    sampling: Sampling | None
    grammar_hash: str | None
    """Of the closed choice or schema that the sampling was bound to."""
    choices: tuple[str, ...]
    top_logprobs: tuple[tuple[TokenLogprob, ...], ...]
    """For a closed choice, the alternatives of each token, after the grammar."""
    finish_reason: str
    latency_ms: float


class Metrics(Frozen):
    """Ids and log-probabilities are the server's own: all three, or none where it gave none or only a part."""

    prompt_token_ids: tuple[int, ...] | None = Field(default=None, exclude_if=_absent)
    completion_token_ids: tuple[int, ...] | None = Field(default=None, exclude_if=_absent)
    logprobs: tuple[float, ...] | None = Field(default=None, exclude_if=_absent)
    extra: Extra[CallDetails]


class PromptStep(Frozen):
    """A message of a prompt."""

    step_id: int = 0
    """From 1, in the order of the file; 0 until it is in a file."""
    source: str
    """`system`, `user`, or `agent` for a worked example."""
    message: str
    is_copied_context: bool = Field(default=False, exclude_if=_absent)
    """Whether it is a worked example, which nobody sampled: never trained on."""


class CallPlace(Frozen):
    step: str
    """Of the pathway's graph."""
    version: int
    """Of the suggestion that it worked for."""


class AnswerStep(Frozen):
    """What a model answered to the messages before it."""

    step_id: int = 0
    source: Literal["agent"] = "agent"
    timestamp: Moment
    model_name: str
    message: str
    metrics: Metrics
    llm_call_count: Literal[1] = 1
    extra: Extra[CallPlace]


class ApprovalArguments(Frozen):
    version: int
    selected: str | None


class ApprovalCall(Frozen):
    """The agent asks a person for approval."""

    tool_call_id: str
    function_name: Literal["request_approval"] = "request_approval"
    arguments: ApprovalArguments


class ApprovalResult(Frozen):
    source_call_id: str
    content: str
    """The kind of the decision, or `none` where this version was not decided."""
    extra: Extra[Decision] | None = Field(default=None, exclude_if=_absent)


class Observation(Frozen):
    results: tuple[ApprovalResult]


class ProposalDetails(Frozen):
    snapshot_blob: str
    suggestion_hash: str
    shown_at: Moment
    suggestion: ShownProposal


class ProposalStep(Frozen):
    """One version of the suggestion, as it was shown, and the decision on it."""

    step_id: int = 0
    source: Literal["agent"] = "agent"
    message: str
    llm_call_count: Literal[0] = 0
    tool_calls: tuple[ApprovalCall]
    observation: Observation
    extra: Extra[ProposalDetails]

    @property
    def version(self) -> int:
        """Return the version that was shown."""
        return self.tool_calls[0].arguments.version

    @property
    def shown(self) -> ProposalDetails:
        """Return what was shown."""
        return self.extra.wardflow

    @property
    def decision(self) -> Decision | None:
        """Return the decision on this version, or None."""
        told = self.observation.results[0].extra
        return told.wardflow if told else None


Step = PromptStep | AnswerStep | ProposalStep


class Agent(Frozen):
    name: str
    """`wardflow.` and the pathway."""
    version: str
    """Of this program."""


class CaseDetails(Frozen):
    """Which case it is, how it ended, and what it may be used for."""

    schema_version: Literal[1] = EXTRA_VERSION
    pathway: str
    generation: int
    state: CaseState
    decision: Decision | None
    """As the ledger has it."""
    arm: Arm | None = None
    """None without a decision, and in files of before it was kept."""
    token_exact: bool
    """Whether every call has the server's own ids."""
    deidentified: bool = False
    trainable: bool
    """Whether the decision is a label; older files say so of contradictory decisions too (`tuning.reading`)."""


class Trajectory(Frozen):
    """One case: what was asked, answered, shown and decided. It holds patient data."""

    schema_version: Literal["ATIF-v1.8"] = ATIF
    trajectory_id: str
    """The case's id."""
    agent: Agent
    steps: tuple[Step, ...]
    extra: Extra[CaseDetails]

    @property
    def case(self) -> CaseDetails:
        """Return what ATIF has no place for."""
        return self.extra.wardflow

    @property
    def proposals(self) -> tuple[ProposalStep, ...]:
        """Return the versions that were shown, the oldest first."""
        return tuple(step for step in self.steps if isinstance(step, ProposalStep))

    def canonical(self) -> bytes:
        """Return the bytes of the file, by which it is named: keys in alphabetical order."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()
