"""One call of a model, exactly as the server gave it."""

from datetime import datetime

from contracts.frozen import Frozen


class Message(Frozen):
    role: str
    content: str


class Recording(Frozen):
    """Speech to be written down. `hotwords` are names that it may hold."""

    blob: str
    """Where the audio lies in the blob store."""
    media_type: str
    """As IANA names it: `audio/wav`."""
    hotwords: tuple[str, ...] = ()
    language: str = "en"


class ChatRequest(Frozen):
    """What a graph asks. `choices` closes the answer to these words; `json_schema` to this schema.

    With a `recording` it asks for its words: the call's content is then a `Transcript` as JSON.
    """

    step: str
    """Name of the graph's step, for people and trajectories."""
    messages: tuple[Message, ...]
    choices: tuple[str, ...] = ()
    json_schema: str = ""
    max_tokens: int
    temperature: float = 0.0
    recording: Recording | None = None


class TokenLogprob(Frozen):
    token: str
    logprob: float


class ModelCall(Frozen):
    """The record of a call. Ids and log-probabilities are the server's own: never re-tokenised."""

    schema_version: int = 1
    request: ChatRequest
    content: str
    finish_reason: str
    model: str
    """As the server names it: base and adapter, immutable."""
    endpoint: str
    """Name of the role's endpoint in the configuration, not its URL."""
    prompt_token_ids: tuple[int, ...] | None = None
    completion_token_ids: tuple[int, ...] | None = None
    prompt_tokens: int | None = None
    """As the server counts them; None: it did not say."""
    completion_tokens: int | None = None
    logprobs: tuple[float, ...] | None = None
    """One for each completion token, after grammar and temperature (`processed_logprobs`)."""
    top_logprobs: tuple[tuple[TokenLogprob, ...], ...] = ()
    grammar_hash: str | None = None
    """SHA-256 of the closed choice or schema that the sampling was bound to."""
    called_at: datetime
    latency_ms: float
    measured_on: tuple[str, ...] | None = None
    """Pathways on which this model was measured when it answered; None in records of before this was kept."""
