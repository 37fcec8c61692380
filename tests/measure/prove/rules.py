"""Joins the records: what any two of them must agree on. Pure, so that it can be tried on records made false."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

from tests.measure.oracle import account
from tests.measure.prove import effects
from tests.measure.prove.finding import Finding
from tests.measure.prove.network import Delivery
from tests.measure.prove.records import Records, Row, claimed_version, link, marked_for, moment, name_of, ours
from tests.ward import Resource

PROMISE_S = 5.0
"""How long after its deadline a case may wait unraised while the gateway, which holds the watchdog, is up."""
LOOKING_S = 3.0
"""Until somebody looks at the page."""
SETTLED = {"ignored", "superseded", "quarantined", "absorbed"}
Rule = Callable[[Records], Iterator[Finding]]


def check(records: Records) -> list[Finding]:
    """Return every disagreement, each naming its case and the rule."""
    return [finding for rule in RULES for finding in rule(records)]


def accepted_is_kept(r: Records) -> Iterator[Finding]:
    """I1, sender against ledger: what was answered 2xx has a row and a fate; a case for each arrival."""
    yield from unkept(r.sent, r.ledger.inbox)
    known = {case["case_id"] for case in r.ledger.cases}
    told = {(row["event_id"], row["case_id"]) for row in r.ledger.told}
    newest = Counter[tuple[str, str]]()
    for row in r.ledger.inbox:
        what = row["resource_type"], row["resource_id"]
        newest[what] = max(newest[what], claimed_version(row))
    for row in r.ledger.inbox:
        what = f"event {row['event_id']} ({row['resource_type']}/{row['resource_id']}/{row['version_id']})"
        name = row["encounter_id"] or "no encounter"
        if row["fate"] not in SETTLED:
            yield Finding("I1", name, f"{what} is {row['fate']} at the end")
        if row["fate"] == "absorbed" and (row["case_id"] not in known or (row["event_id"], row["case_id"]) not in told):
            yield Finding("I1", name, f"{what} was absorbed by a case that was not told of it")
        if row["fate"] == "superseded" and newest[row["resource_type"], row["resource_id"]] <= claimed_version(row):
            yield Finding("I1", name, f"{what} was superseded by nothing")
    for name, rows in (("events_accepted", r.ledger.inbox), ("cases_opened", r.ledger.cases)):
        if r.ledger.counters.get(name, 0) != len(rows):
            yield Finding("I1", name, f"{r.ledger.counters.get(name, 0)} counted, {len(rows)} kept")


def unkept(sent: list[Delivery], inbox: list[Row]) -> Iterator[Finding]:
    """I1: what was answered 2xx and has no row."""
    kept = {(row["resource_type"], row["resource_id"], row["version_id"]) for row in inbox}
    for key, encounter in {d.key: d.encounter for d in sent if d.accepted}.items():
        if key not in kept:
            yield Finding("I1", encounter, f"{'/'.join(key)} was answered 2xx and is not in the ledger")


def gaps_are_filled(r: Records) -> Iterator[Finding]:
    """I8, chart against ledger: the newest version of all that the hospital wrote was heard of, and has its case."""
    kept = {(row["resource_type"], row["resource_id"], row["version_id"]) for row in r.ledger.inbox}
    cases = {case["encounter_id"] for case in r.ledger.cases if case["pathway"] == effects.TRIAGE}
    for resource in r.chart.current.values():
        if ours(resource) or resource["resourceType"] not in ("Encounter", "Observation", "Patient"):
            continue
        key = resource["resourceType"], resource["id"], resource["meta"]["versionId"]
        if key not in kept:
            yield Finding("I8", resource["id"], f"{'/'.join(key)} is in the chart and was never heard of")
        if resource["resourceType"] == "Encounter" and resource["id"] not in cases:
            yield Finding("I1", resource["id"], "arrived, and has no case")


def one_live_case(r: Records) -> Iterator[Finding]:
    """I3, ledger against Temporal: a case has one run, and the next of a stay begins after the last was decided."""
    runs = {e.case_id: e for e in r.executions}
    for case_id, count in Counter(e.case_id for e in r.executions).items():
        if count > 1:
            yield Finding("I3", case_id[:12], f"{count} runs in Temporal")
    decided_at = {row["case_id"]: row["recorded_at"] for row in r.ledger.decisions}
    of_stay: dict[tuple[str, str], list[Row]] = {}
    for case in sorted(r.ledger.cases, key=lambda c: c["generation"]):
        of_stay.setdefault((case["pathway"], case["encounter_id"]), []).append(case)
    for (pathway, encounter), cases in of_stay.items():
        if [case["generation"] for case in cases] != list(range(1, len(cases) + 1)):
            yield Finding("I3", encounter, f"{pathway}: has generations out of order")
        for before, after in pairwise(cases):
            if before["state"] == "continued":
                continue  # its decision was taken back after the next had opened
            run, over = runs.get(after["case_id"]), decided_at.get(before["case_id"]) or before["ended_at"]
            if over is None or (run and run.started_at < moment(over)):
                text = "has a case that began before the one before it was decided or had ended"
                yield Finding("I3", encounter, f"{pathway}: {text}")


def temporal_agrees(r: Records) -> Iterator[Finding]:
    """I1, ledger against Temporal: each case has ended alike in both, and left its trajectory."""
    runs, kept = {e.case_id: e for e in r.executions}, {row["case_id"] for row in r.ledger.trajectories}
    known = {case["case_id"] for case in r.ledger.cases}
    for case in r.ledger.cases:
        run, name = runs.get(case["case_id"]), name_of(case)
        if case["state"] not in effects.ENDED:
            yield Finding("I1", name, f"is {case['state']} at the end")
        if run is None:
            yield Finding("I1", name, "is unknown to Temporal")
        elif not run.completed or run.state != case["state"]:
            yield Finding("I1", name, f"is {case['state']} in the ledger, {run.state} in Temporal")
        if case["state"] in effects.ENDED and case["case_id"] not in kept:
            yield Finding("I1", name, "ended without a trajectory")
    for run in r.executions:
        if run.case_id not in known:
            yield Finding("I1", run.case_id[:12], "runs in Temporal, and the ledger has no such case")
        if run.broken_tasks:
            yield Finding("I1", run.case_id[:12], f"{run.broken_tasks} workflow tasks failed")


def seen_in_time(r: Records) -> Iterator[Finding]:
    """I4, sender against people: by its deadline somebody looking saw each arrival raised, or over.

    Of all pathways: no case waited past its own deadline, as the looks into the ledger saw it.
    """
    first: dict[str, float] = {}
    for sent in r.sent:
        if sent.accepted and sent.resource_type == "Encounter":
            first[sent.encounter] = min(first.get(sent.encounter, sent.answered_at), sent.answered_at)
    seen = {s.encounter: s for s in r.seen.values() if (s.pathway, s.generation) == (effects.TRIAGE, 1)}
    for encounter, accepted in first.items():
        row, due = seen.get(encounter), accepted + r.deadline_s
        times = [t for t in (row and row.raised_at, row and row.over_at) if t]
        if not times:
            yield Finding("I4", encounter, "nobody ever saw it raised or over")
            continue
        lag = min(times) - due
        excused = r.away_s("gateway", due, min(times)) + r.away_s("worklist", due, min(times))
        if lag > PROMISE_S + LOOKING_S + excused:
            yield Finding("I4", encounter, f"was first seen raised or over {lag:.1f} s after its deadline")
    for late in r.late:
        lag = late.at - late.since - r.away_s("gateway", late.since, late.at)
        if lag > PROMISE_S:
            yield Finding("I4", late.encounter, f"waited {lag:.1f} s past its deadline, raised by nobody")
    limits = {case["case_id"]: moment(case["due_at"]) - moment(case["accepted_at"]) for case in r.ledger.cases}
    accepted_at: dict[str, float] = {}
    for row in r.ledger.inbox:
        if row["resource_type"] == "Encounter":
            at = moment(row["accepted_at"])
            accepted_at[row["encounter_id"]] = min(at, accepted_at.get(row["encounter_id"], at))
    for case in r.ledger.cases:
        if abs(limits[case["case_id"]] - r.deadline_s) > 0.001:
            yield Finding("I4", name_of(case), f"has a limit of {limits[case['case_id']]} s")
        begun = accepted_at.get(case["encounter_id"])
        first_of_all = (case["pathway"], case["generation"]) == (effects.TRIAGE, 1)
        if first_of_all and begun and moment(case["accepted_at"]) > begun + 0.001:
            yield Finding("I4", name_of(case), "its clock began after its first event was accepted")


def decisions_are_honoured(r: Records) -> Iterator[Finding]:
    """I5, people against ledger, Temporal and chart: one wins, and what was acknowledged is what was done."""
    held = {row["case_id"]: json.loads(row["document"]) for row in r.ledger.decisions}
    states = {case["case_id"]: case["state"] for case in r.ledger.cases}
    updates = {e.case_id: e.updates for e in r.executions}
    for click in r.clicks:
        decision, name = held.get(click.case_id), click.encounter
        if click.acknowledged:
            told = click.answer
            if decision is None or decision["decision_id"] != told["decision_id"]:
                yield Finding("I5", name, f"{click.user} was told that it is decided, the ledger says otherwise")
                continue
            if (told["kind"], told["selected"]) != (click.kind, click.selected):
                yield Finding("I5", name, f"{click.user} chose {click.kind} and was told {told['kind']}")
            if decision["reviewer"]["reviewer_id"] != click.user or decision["kind"] != click.kind:
                yield Finding("I5", name, f"{click.user} was told that it is decided, but another was recorded")
            if states.get(click.case_id) != ("rejected" if click.kind == "reject" else "written"):
                yield Finding("I5", name, f"its acknowledged decision ended as {states.get(click.case_id)}")
            if told["decision_id"] not in updates.get(click.case_id, ()):
                yield Finding("I5", name, "its acknowledged decision is not in Temporal's history")
            for task in effects.proposals(r, click.case_id):
                if told["decision_id"] not in [i["value"] for i in task["identifier"]]:
                    yield Finding("I5", name, "its Task does not carry the acknowledged decision")
        elif click.answer.get("refused") == "decided":
            winner = r.names[decision["reviewer"]["reviewer_id"]] if decision else "nobody"
            if winner not in click.answer["message"]:
                yield Finding("I5", name, f"{click.user} was told of another winner than {winner}")
            mine = decision and (decision["reviewer"]["reviewer_id"], decision["kind"]) == (click.user, click.kind)
            if mine and not any(c.acknowledged for c in r.clicks if c.case_id == click.case_id):
                yield Finding("I5", name, f"{click.user} decided it and was told that nothing was changed by them")
        if click.status is None or click.status >= 500:
            yield Finding("I5", name, f"{click.user} never got an answer")
    for case_id, count in Counter(c.case_id for c in r.clicks if c.acknowledged).items():
        if count > 1:
            yield Finding("I5", case_id[:12], f"{count} people were told that they decided")
    clicked = {(c.case_id, c.user, c.kind) for c in r.clicks}
    for case_id, decision in held.items():
        if (case_id, decision["reviewer"]["reviewer_id"], decision["kind"]) not in clicked:
            yield Finding("I5", case_id[:12], "has a decision that nobody made")


def shown_is_written(r: Records) -> Iterator[Finding]:
    """I6, people, sender and snapshots: a decision that holds was made on what was shown, and on all news before it."""
    held = {row["case_id"]: json.loads(row["document"]) for row in r.ledger.decisions}
    pathways = {case["case_id"]: case["pathway"] for case in r.ledger.cases}
    for click in r.clicks:
        decision = held.get(click.case_id)
        if not click.acknowledged or decision is None:
            continue
        if (decision["version"], decision["shown_hash"]) != (click.version, click.shown_hash):
            yield Finding("I6", click.encounter, "was decided on another suggestion than was shown")
        for result in r.chart.of_case("Observation", click.case_id):
            if effects.level(result) != click.selected:
                yield Finding("I6", click.encounter, f"{click.user} chose {click.selected}, the chart has another")
        evidence = r.ledger.evidence.get((click.case_id, click.version), {})
        for sent in r.sent:
            earlier = sent.accepted and sent.encounter == click.encounter and sent.answered_at < click.sent_at
            what = f"{sent.resource_type}/{sent.resource_id}"
            if not earlier or not _informs(pathways.get(click.case_id), r.chart.current.get(what), sent):
                continue
            version, value = evidence.get(what, (0, ""))
            if version < int(sent.version_id) and value != sent.value:
                yield Finding("I6", click.encounter, f"was decided without {what} version {sent.version_id}")


def _informs(pathway: str | None, resource: Resource | None, sent: Delivery) -> bool:
    """Return whether a decision of that pathway rests on an Observation that was sent: on one that is the hospital's,
    of its kind, and neither deleted nor moved to another stay."""
    if resource is None or resource["resourceType"] != "Observation" or marked_for(resource):
        return False
    of_laboratory = bool(resource.get("category"))
    stays = resource["encounter"]["reference"] == f"Encounter/{sent.encounter}"
    return stays and of_laboratory == (pathway != effects.TRIAGE)


def all_is_audited(r: Records) -> Iterator[Finding]:
    """I9, audit against ledger, chart and people: chains unbroken and anchored, one record for each act."""
    heads: dict[str, tuple[int, str]] = {}
    records = []
    for row in r.ledger.audit:
        position, previous = heads.get(row["chain"], (0, ""))
        if row["position"] != position + 1 or row["hash"] != link(r.audit_key, row, previous):
            yield Finding("I9", row["chain"], f"breaks at {row['position']}")
        heads[row["chain"]] = (row["position"], row["hash"])
        records.append(json.loads(row["record"]))
        anchored = r.chart.audit.get(f"wardflow-{row['chain']}-{row['position']}")
        if (anchored or row["seq"] <= r.ledger.exported) and anchored != row["hash"]:
            yield Finding("I9", row["chain"], f"record {row['position']} is not as the chart has it")
    if len(r.chart.audit) > len(records):
        yield Finding("I9", "audit", f"{len(r.chart.audit)} records in the chart, {len(records)} in the ledger")
    acts = Counter((rec["action"], rec["what"]) for rec in records)
    for version in r.chart.history:
        where = f"{version['resourceType']}/{version['id']}/_history/{version['meta']['versionId']}"
        count = acts["write", where] + acts["propose", where]
        if count != 1:
            yield Finding("I9", where, f"is in the chart, and in {count} audit records")
    decided = Counter((rec["case_id"], rec["actor"]) for rec in records if rec["action"] == "decide")
    wanted = Counter((row["case_id"], f"person:{row['reviewer']}") for row in r.ledger.decisions)
    for case_id, actor in {*decided, *wanted}:
        if decided[case_id, actor] != wanted[case_id, actor]:
            yield Finding("I9", case_id[:12], f"{decided[case_id, actor]} audit records of its decision by {actor}")
    looked = Counter(rec["actor"] for rec in records if (rec["action"], rec["what"]) == ("view", "worklist"))
    for user, count in r.looks.items():
        if looked[f"person:{user}"] < count:
            yield Finding("I9", user, f"was given {count} pages, {looked[f'person:{user}']} are audited")
    read = {rec["case_id"] for rec in records if rec["action"] == "read"}
    for case_id, _ in r.ledger.evidence:
        if case_id not in read:
            yield Finding("I9", case_id[:12], "its chart was read without an audit record")


def own_writes_are_ignored(r: Records) -> Iterator[Finding]:
    """I15, chart against ledger: what triage wrote is no news to it, and nobody else waits for that."""
    written = {(v["resourceType"], v["id"], v["meta"]["versionId"]) for v in r.chart.history}
    for row in r.ledger.inbox:
        key = row["resource_type"], row["resource_id"], row["version_id"]
        if key in written and (row["fate"], row["reason"]) != ("ignored", "own_write"):
            fate = f"{row['fate']} {row['reason'] or ''}".strip()
            yield Finding("I15", row["encounter_id"], f"our own {'/'.join(key)} was taken for news: {fate}")


def accounted(r: Records) -> account.Report:
    """Return what became of all that demands attention in the chart, by the clinical oracle."""
    told = r.ledger.told_to_people
    return account.check(r.whole_chart, told.cases, told.shown, told.decisions)


def no_news_is_lost(r: Records) -> Iterator[Finding]:
    """I17 to I20, chart against ledger: all that demands attention is decided, open, or listed as undecided."""
    for found in accounted(r).findings:
        yield Finding(found.rule, found.case, found.text)


RULES: tuple[Rule, ...] = (
    accepted_is_kept,
    gaps_are_filled,
    effects.one_effect,
    one_live_case,
    temporal_agrees,
    seen_in_time,
    decisions_are_honoured,
    shown_is_written,
    all_is_audited,
    own_writes_are_ignored,
    no_news_is_lost,
)
