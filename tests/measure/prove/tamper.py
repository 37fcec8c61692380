"""Makes the records of a clean run false, one lie at a time: each must be found, or its rule proves nothing."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace

from tests.measure.oracle import items
from tests.measure.oracle.answers import Decision
from tests.measure.prove.network import Delivery
from tests.measure.prove.records import Records, claimed_version, marked_for
from tests.measure.prove.samples import Late

Lie = Callable[[Records], None]


def told(records: Records, lie: Lie) -> Records:
    """Return a copy in which that lie is told."""
    false = copy.deepcopy(records)
    lie(false)
    return false


def _lost(r: Records) -> None:
    r.sent.append(Delivery("Observation", "nowhere", "1", "nowhere", "{}", 0.0, 200))


def _pending(r: Records) -> None:
    r.ledger.inbox[0]["fate"] = "pending"


def _miscounted(r: Records) -> None:
    r.ledger.counters["events_accepted"] += 1


def _superseded(r: Records) -> None:
    newest = max(r.ledger.inbox, key=claimed_version)
    newest["fate"] = "superseded"


def _no_case(r: Records) -> None:
    gone = r.ledger.cases.pop()
    r.ledger.counters["cases_opened"] -= 1
    r.executions = [e for e in r.executions if e.case_id != gone["case_id"]]


def _gap(r: Records) -> None:
    key = next(k for k, v in r.chart.current.items() if v["resourceType"] == "Observation" and not marked_for(v))
    r.chart.current[key]["meta"]["versionId"] = "99"


def _twice_written(r: Records) -> None:
    result = _result(r)
    r.chart.current["Observation/again"] = result | {"id": "again"}


def _rewritten(r: Records) -> None:
    _result(r)["meta"]["versionId"] = "2"


def _another_level(r: Records) -> None:
    _result(r)["valueCodeableConcept"]["coding"][0]["code"] = "0"


def _no_provenance(r: Records) -> None:
    r.chart.current = {k: v for k, v in r.chart.current.items() if v["resourceType"] != "Provenance"}


def _two_runs(r: Records) -> None:
    r.executions.append(r.executions[0])


def _another_end(r: Records) -> None:
    r.executions[0].state = "open"


def _broken_task(r: Records) -> None:
    r.executions[0].broken_tasks = 1


def _waits(r: Records) -> None:
    r.away, r.late = {"gateway": [], "worklist": []}, [Late("c", "e", 100.0, 106.0)]


def _unseen(r: Records) -> None:
    told = {sent.encounter for sent in r.sent if sent.accepted and sent.resource_type == "Encounter"}
    seen = next(s for s in r.seen.values() if s.generation == 1 and s.encounter in told)
    seen.raised_at = seen.over_at = None


def _other_decision(r: Records) -> None:
    click = next(c for c in r.clicks if c.acknowledged)
    click.answer["decision_id"] = "another"


def _two_winners(r: Records) -> None:
    r.clicks.append(next(c for c in r.clicks if c.acknowledged))


def _made_by_nobody(r: Records) -> None:
    click = next(c for c in r.clicks if c.acknowledged)
    r.clicks = [c for c in r.clicks if c.case_id != click.case_id]


def _wrong_winner(r: Records) -> None:
    at, click = next((n, c) for n, c in enumerate(r.clicks) if c.acknowledged)
    r.clicks[at] = replace(click, status=409, answer={"refused": "decided", "message": "Already decided by nobody."})


def _stale(r: Records) -> None:
    measured = [sent for sent in r.sent if sent.accepted and sent.resource_type == "Observation"]
    told = {sent.encounter: sent.answered_at for sent in reversed(measured)}  # the first of each
    click = next(c for c in r.clicks if c.acknowledged and told.get(c.encounter, c.sent_at) < c.sent_at)
    old = r.ledger.evidence[click.case_id, click.version]
    r.ledger.evidence[click.case_id, click.version] = dict.fromkeys(old, (0, ""))


def _other_shown(r: Records) -> None:
    at, click = next((n, c) for n, c in enumerate(r.clicks) if c.acknowledged)
    r.clicks[at] = replace(click, shown_hash="another")


def _audit_changed(r: Records) -> None:
    row = r.ledger.audit[0]
    row["record"] = json.dumps(json.loads(row["record"]) | {"actor": "person:nobody"})


def _audit_cut(r: Records) -> None:
    chain = r.ledger.audit[0]["chain"]
    r.ledger.audit.remove([row for row in r.ledger.audit if row["chain"] == chain][-1])


def _unaudited(r: Records) -> None:
    r.looks["n-okafor"] += 10_000


def _unaudited_write(r: Records) -> None:
    r.chart.history.append(r.chart.history[0])
    r.chart.history[-1] = r.chart.history[0] | {"id": "unheard"}


def _taken_for_news(r: Records) -> None:
    row = next(row for row in r.ledger.inbox if row["reason"] == "own_write")
    row["reason"] = "case_closed"


def _undecided(r: Records) -> None:
    r.ledger.told_to_people.decisions.remove(_of_an_item(r))


def _least_urgent(r: Records) -> None:
    decision = _of_an_item(r)
    shown = next(
        s for s in r.ledger.told_to_people.shown if (s.case_id, s.version) == (decision.case_id, decision.version)
    )
    shown.suggestion["floor"] = None


def _unchanged(r: Records) -> None:
    for shown in r.ledger.told_to_people.shown:
        shown.suggestion["earlier"] = None


def _of_an_item(r: Records) -> Decision:
    """Return the only decision of a stay in which something demands attention: it alone answers that."""
    told = r.ledger.told_to_people
    cases = {case.case_id: (case.pathway, case.encounter_id) for case in told.cases}
    decided = [cases[decision.case_id] for decision in told.decisions]
    demanding = {(item.pathway, item.encounter) for item in items.of_chart(r.whole_chart.current, r.whole_chart.at)}
    alone = {stay for stay in demanding if decided.count(stay) == 1 == list(cases.values()).count(stay)}
    return next(decision for decision in told.decisions if cases[decision.case_id] in alone)


def _result(r: Records) -> dict:
    return next(v for v in r.chart.current.values() if v["resourceType"] == "Observation" and marked_for(v))


LIES: dict[str, tuple[Lie, ...]] = {
    "I1": (_lost, _pending, _miscounted, _superseded, _no_case, _another_end, _broken_task),
    "I2": (_twice_written, _rewritten, _no_provenance),
    "I3": (_two_runs,),
    "I4": (_waits, _unseen),
    "I5": (_other_decision, _two_winners, _made_by_nobody, _wrong_winner),
    "I6": (_another_level, _stale, _other_shown),
    "I8": (_gap,),
    "I9": (_audit_changed, _audit_cut, _unaudited, _unaudited_write),
    "I15": (_taken_for_news,),
    "I17": (_undecided,),
    "I18": (_unchanged,),
    "I19": (_least_urgent,),
}
"""By the rule that must be found broken."""
