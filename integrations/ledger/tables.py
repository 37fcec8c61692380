"""The tables of the ledger: each column with its meaning, and how values are stored."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData()


class UtcTime(sa.TypeDecorator[datetime]):
    """Timezone-aware UTC, kept as ISO 8601 text of fixed width, which sorts as time does."""

    impl = sa.String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> str | None:
        return value.astimezone(UTC).isoformat(timespec="microseconds") if value else None

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        return datetime.fromisoformat(value) if value else None


def _key(name: str, type_: Any, meaning: str) -> sa.Column[Any]:
    return sa.Column(name, type_, primary_key=True, doc=meaning)


def _required(name: str, type_: Any, meaning: str) -> sa.Column[Any]:
    return sa.Column(name, type_, nullable=False, doc=meaning)


def _optional(name: str, type_: Any, meaning: str) -> sa.Column[Any]:
    return sa.Column(name, type_, doc=meaning)


# The order of columns is part of the audit: `attestation` hashes the values of a row in the order given here.

inbox = sa.Table(  # accepted events, each with its fate (I1)
    "inbox",
    metadata,
    _key("event_id", sa.Integer, "grows in the order of acceptance and is never used twice"),
    _required("feed", sa.String, "name of the feed in the configuration"),
    _required("resource_type", sa.String, "FHIR type; `?` for a message that could not be read"),
    _required("resource_id", sa.String, "FHIR id; for an unreadable message the SHA-256 of its bytes"),
    _required("version_id", sa.String, "of the resource; `3#1`: version 3 once more; `#...`: a notice without one"),
    _required("fate", sa.String, "a `Fate`: what became of the event"),
    _required("own", sa.Boolean, "carries our tag: perhaps our own write come back, which `own_writes` decides"),
    _required("accepted_at", UtcTime, "when it was on disk here; the clock of its case starts then (I4)"),
    _optional("encounter_id", sa.String, "Encounter that it belongs to, where the resource names one"),
    _optional("body_blob", sa.String, "blob of a body of more than 64 KiB, in place of `body`"),
    _optional("reason", sa.String, "why it has this fate: an `Ignored`, or words for a person"),
    _optional("case_id", sa.String, "case that it waits for while pending, else the case that absorbed it first"),
    _optional("body", sa.LargeBinary, "what the feed sent, sealed; NULL for an empty body and for one in a blob"),
    sa.UniqueConstraint("feed", "resource_type", "resource_id", "version_id"),
    sa.Index("inbox_pending", "fate", "event_id"),
    sa.Index("inbox_encounter", "encounter_id"),
    sqlite_autoincrement=True,
)
deliveries = sa.Table(  # which events each case was given: one event may inform the cases of several pathways
    "deliveries",
    metadata,
    _key("event_id", sa.Integer, "of `inbox`"),
    _key("case_id", sa.String, "case that the event was given to"),
    sa.Index("deliveries_case", "case_id"),
)
counters = sa.Table(  # counted in the transaction of what they count, so that a deleted row is missed
    "counters",
    metadata,
    _key("name", sa.String, "what is counted"),
    _required("count", sa.Integer, "since the ledger was made"),
)
marks = sa.Table(  # how far recurring tasks have come, and single facts about this ledger
    "marks",
    metadata,
    _key("name", sa.String, "of the task or fact, with what it is about after a colon"),
    _required("value", sa.String, "a moment, a number or a JSON document, as its owner writes it"),
)
cases = sa.Table(  # each case with what it shows now
    "cases",
    metadata,
    _key("case_id", sa.String, "keyed hash of encounter, pathway and generation; also the workflow's id"),
    _required("pathway", sa.String, "name of the pathway, such as `ed_triage`"),
    _required("encounter_id", sa.String, "FHIR id of the Encounter"),
    _required("state", sa.String, "a `CaseState`"),
    _required("accepted_at", UtcTime, "when its first event was accepted (I4)"),
    _required("due_at", UtcTime, "when a person must have decided: acceptance and the limit of the pathway"),
    _optional("escalated_at", UtcTime, "first escalation, where the deadline passed"),
    _optional("suggested_at", UtcTime, "when the shown version was put up, the last time"),
    _optional("ended_at", UtcTime, "when it was written, rejected, or closed undecided"),
    _required("generation", sa.Integer, "from 1: number of this case among those of its encounter and pathway"),
    _required("escalation_step", sa.Integer, "last step of the ladder that was taken; 0 before the first"),
    _required("version", sa.Integer, "version of the suggestion that is shown; 0 before the first"),
    _required("covers_event", sa.Integer, "newest event that the shown version has seen; 0 before the first (I6)"),
    _optional("suggestion_blob", sa.String, "blob of the shown suggestion"),
    _optional("suggestion_hash", sa.String, "SHA-256 of its canonical form: what a decision refers to (I6)"),
    _optional("snapshot_blob", sa.String, "blob of the chart as the suggestion saw it"),
    _optional("task_version", sa.String, "version of our Task in the chart: the lock of the write-back"),
    sa.UniqueConstraint("pathway", "encounter_id", "generation"),
    sa.Index("cases_encounter", "encounter_id"),
    sa.Index("cases_state", "state", "due_at", "accepted_at"),
)
OPEN = cases.c.state == "open"
sa.Index(  # I3: one open case for each encounter and pathway
    "cases_open", cases.c.pathway, cases.c.encounter_id, unique=True, sqlite_where=OPEN, postgresql_where=OPEN
)
runs = sa.Table(  # one row for each version that was shown: what the trajectory is made of
    "runs",
    metadata,
    _key("case_id", sa.String, "case that showed it"),
    _key("version", sa.Integer, "from 1, in the order in which they were shown"),
    _required("snapshot_blob", sa.String, "blob of the chart as this version saw it"),
    _required("suggestion_blob", sa.String, "blob of the suggestion"),
    _required("shown_at", UtcTime, "when people first could see it"),
)
evidence = sa.Table(  # the resources behind each version that was shown, by which events find the cases that use them
    "evidence",
    metadata,
    _key("case_id", sa.String, "case that showed it"),
    _key("version", sa.Integer, "of its suggestion"),
    _key("resource", sa.String, "`Type/id`; `line/` and a SHA-256 for a line of what could not be used"),
    _required("version_id", sa.String, "of the resource, as it was read; empty for a line"),
    _required("facts_hash", sa.String, "SHA-256 of the facts that were read from it"),
    _optional("rule", sa.String, "by which it demands a look; NULL where it demands none"),
    _optional("floor", sa.String, "code that this rule demands at least, where it names one"),
    sa.Index("evidence_resource", "resource"),
)
acknowledged = sa.Table(  # cases that ended undecided, and that a person has taken note of
    "acknowledged",
    metadata,
    _key("case_id", sa.String, "case that was listed until then"),
    _required("reviewer", sa.String, "id of the person who took note of it"),
    _required("acknowledged_at", UtcTime, "when that person did"),
)
corrections = sa.Table(  # cases that a person opened to correct what was decided before
    "corrections",
    metadata,
    _key("case_id", sa.String, "case that was opened"),
    _required("corrects", sa.String, "case whose decision is in question"),
    _required("reviewer", sa.String, "id of the person who opened it"),
    _required("name", sa.String, "that person's name"),
    _required("asked_at", UtcTime, "when that person did"),
)
decisions = sa.Table(  # the decision that holds for each case; `undone` has those that were taken back
    "decisions",
    metadata,
    _key("decision_id", sa.String, "given at the worklist, so that a repeated attempt is recognised"),
    _required("case_id", sa.String, "case that was decided"),
    _required("kind", sa.String, "a `DecisionKind`"),
    _required("reviewer", sa.String, "id of the person who decided"),
    _required("document", sa.String, "the signed `Decision` as JSON"),
    _optional("selected", sa.String, "code of the choice; NULL for a rejection"),
    _required("recorded_at", UtcTime, "from then on the person knows that it holds (I5)"),
    sa.UniqueConstraint("case_id"),
)
undone = sa.Table(  # decisions that were taken back
    "undone",
    metadata,
    _key("decision_id", sa.String, "of the decision that was taken back"),
    _required("case_id", sa.String, "case that is open again"),
    _required("document", sa.String, "the signed `Decision` as JSON"),
    _required("undo", sa.String, "the signed `Undo` as JSON"),
    _required("recorded_at", UtcTime, "when the decision was recorded"),
    _required("undone_at", UtcTime, "when it was taken back"),
    sa.Index("undone_case", "case_id"),
)
write_backs = sa.Table(  # which decision's write-back has begun: from then on it can't be taken back
    "write_backs",
    metadata,
    _key("case_id", sa.String, "case whose decision is written"),
    _required("decision_id", sa.String, "decision that is written"),
    _required("evidence", sa.String, "an `Evidence`: what the look at the chart before it found"),
    _required("begun_at", UtcTime, "when the write-back began"),
)
own_writes = sa.Table(  # versions that we wrote to the chart, so that their notifications are recognised (I15)
    "own_writes",
    metadata,
    _key("resource_type", sa.String, "FHIR type"),
    _key("resource_id", sa.String, "FHIR id"),
    _key("version_id", sa.String, "version that the server gave; empty for a write under way"),
    _required("case_id", sa.String, "case that it was written for"),
    _required("content_hash", sa.String, "SHA-256 of what was written, without what servers add"),
)
readings = sa.Table(  # which version of a resource our own search or a case's newest snapshot read last; a cache
    "readings",
    metadata,
    _key("reader", sa.String, "`feed:` and its name for a search, or the id of the case whose snapshot read it"),
    _key("resource_type", sa.String, "FHIR type"),
    _key("resource_id", sa.String, "FHIR id"),
    _required("stamp", sa.String, "version number and moment of the version that was read"),
    sa.Index("readings_resource", "resource_type", "resource_id"),
)
calls = sa.Table(  # answers of models, each kept once, so that a repeated step does not ask again
    "calls",
    metadata,
    _key("case_id", sa.String, "case that it was for"),
    _key("version", sa.Integer, "version of the suggestion that it was for"),
    _key("request_hash", sa.String, "SHA-256 of the request"),
    _required("position", sa.Integer, "from 0: order of the calls of a version"),
    _required("call_blob", sa.String, "blob of the `ModelCall`"),
)
trajectories = sa.Table(  # one row for each case whose process is over
    "trajectories",
    metadata,
    _key("case_id", sa.String, "case that it records"),
    _required("blob", sa.String, "blob of the trajectory's file"),
    _required("trainable", sa.Boolean, "a model may learn from it, as its file says"),
    _required("recorded_at", UtcTime, "when it was made"),
)
outcomes = sa.Table(  # what the chart showed after the decision, as rows of their own: a trajectory never changes
    "outcomes",
    metadata,
    _key("case_id", sa.String, "case whose patient it concerns"),
    _key("kind", sa.String, "`admitted`, `icu`, `transferred`, `died` or `discharged`"),
    _required("resource", sa.String, "where it was read: `Type/id/_history/version`"),
    _required("known_at", UtcTime, "`meta.lastUpdated` of the resource that shows it"),
    _required("recorded_at", UtcTime, "when it was read from the chart"),
)
models = sa.Table(  # tuned models and their bases
    "models",
    metadata,
    _key("name", sa.String, "pathway, kind, and the start of the artefact's hash"),
    _required("pathway", sa.String, "pathway that it was tuned for"),
    _required("document", sa.String, "the `RegisteredModel` as JSON"),
    _required("registered_at", UtcTime, "when it was first registered"),
    _optional("rows_blob", sa.String, "blob of the rows that it was tuned with; NULL for a base"),
)
deployments = sa.Table(  # which model an alias meant, from when until when
    "deployments",
    metadata,
    _key("deployment_id", sa.Integer, "grows in the order of deployments"),
    _required("alias", sa.String, "the name that cases ask for, such as `champion`"),
    _required("name", sa.String, "of a registered model; empty for the endpoint's own model"),
    _required("by", sa.String, "id of the person who deployed it"),
    _required("reason", sa.String, "in that person's words"),
    _required("since", UtcTime, "when the alias began to mean it"),
    _optional("until", UtcTime, "when another deployment took its place; NULL for the one that holds"),
    _optional("replaced", sa.String, "model that going back leads to; NULL where nothing was before"),
    sqlite_autoincrement=True,
)
NOW_DEPLOYED = deployments.c.until.is_(None)
sa.Index(  # an alias means one model at a time
    "deployments_now", deployments.c.alias, unique=True, sqlite_where=NOW_DEPLOYED, postgresql_where=NOW_DEPLOYED
)
leases = sa.Table(  # which process does what only one may do at a time
    "leases",
    metadata,
    _key("name", sa.String, "what is leased, such as `dispatcher`"),
    _required("holder", sa.String, "process that has it, or had it last"),
    _required("number", sa.Integer, "grows with each new holder, so that a former one recognises that it lost it"),
    _required("expires_at", UtcTime, "from then on another process may take it"),
)
audit = sa.Table(  # audit records, in one chain for each process (I9)
    "audit",
    metadata,
    _key("seq", sa.Integer, "order of all chains together; without a gap on SQLite"),
    _required("chain", sa.String, "process that wrote it; a new chain begins after a restore"),
    _required("record", sa.String, "the `AuditRecord` as JSON, with the hashes of the rows that it attests"),
    _required("previous_hash", sa.String, "`hash` of the record before it in its chain; empty for the first"),
    _required("hash", sa.String, "HMAC over chain, position, previous hash and record"),
    _required("position", sa.Integer, "from 1: place in its chain"),
    sa.UniqueConstraint("chain", "position"),
    sqlite_autoincrement=True,
)
