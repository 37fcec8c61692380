"""What `wardflow doctor` tries at the FHIR server: our credentials, its transactions, and the two ways of its news."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from contracts.errors import FhirError, FhirFault
from integrations import clock
from integrations.fhir.client import FhirClient, Resource
from integrations.fhir.feed import Feed
from service.operate.findings import Finding, Verdict
from service.process import feed_progress, health

SKEW_S = 30.0
ADDRESS = "start the FHIR server, or set its address as fhir_url under [parts] of wardflow.toml"
TOKEN = "set fhir_token in STATE/keys.json to a token of this server, and restart"
PROBE_SYSTEM = "urn:wardflow:doctor"
SUCCESS = "2"
"""With which the status of an entry that was carried out begins."""


def server(fhir: FhirClient, feeds: list[Feed]) -> Iterator[Finding]:
    """Judge the server itself: its version, our credentials, its transactions, its clock."""
    try:
        version = str(fhir.read_metadata().get("fhirVersion", "no version"))
    except FhirError as fault:
        yield _failed("fhir", fault, ADDRESS)
        return
    if version.startswith("4.0"):
        yield Finding(part="fhir", verdict=Verdict.OK, told=f"speaks FHIR {version}")
    else:
        yield Finding(part="fhir", verdict=Verdict.FAIL, told=f"speaks FHIR {version}: Wardflow needs R4 (4.0.x)")
    try:
        health.check_chart(fhir, tuple(type_ for feed in feeds for type_ in feed.types))
    except FhirError as fault:
        yield _failed("fhir", fault, ADDRESS)
        return
    yield Finding(part="fhir", verdict=Verdict.OK, told="takes our credentials")
    yield rolls_back(fhir)
    if fhir.server_time:
        ahead_s = (fhir.server_time - clock.now()).total_seconds()
        told = f"the FHIR server's is {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} ours"
        well = abs(ahead_s) < SKEW_S
        verdict, fix = (Verdict.OK, "") if well else (Verdict.WARN, "set the clocks")
        yield Finding(part="clock", verdict=verdict, told=told, fix=fix)


def _failed(part: str, fault: FhirError, fix: str) -> Finding:
    """Return the finding of a call that failed; a refused token is named as such."""
    if fault.status == health.UNAUTHORIZED:
        return Finding(part=part, verdict=Verdict.FAIL, told=f"credentials refused: {_said(fault)}", fix=TOKEN)
    return Finding(part=part, verdict=Verdict.FAIL, told=_said(fault), fix=fix)


def _said(fault: FhirError) -> str:
    """Return the answer to a failed call, and what was called."""
    return f"{fault.answer} at {fault.url}" if fault.url else fault.answer


@dataclass(frozen=True)
class Ways:
    """What became of both ways in which a type may reach us; None where there was no fault."""

    search: FhirError | None
    push: FhirError | None
    delivers: bool

    @property
    def whole(self) -> bool:
        return self.search is None and self.delivers


def feed(of: Feed) -> Iterator[Finding]:
    """Judge how each type of a feed reaches us: a failure where neither a search nor a Subscription brings it."""
    ways = {type_: _ways(of, type_) for type_ in of.types}
    unauthorized = [w.search for w in ways.values() if w.search and w.search.status == health.UNAUTHORIZED]
    if unauthorized:
        yield _failed("feed", unauthorized[0], TOKEN)
        return
    if all(one.whole for one in ways.values()):
        yield Finding(part="feed", verdict=Verdict.OK, told=f"{of.name}: searched, and Subscriptions are active")
    for type_, one in ways.items():
        if one.search:
            yield _unsearched(of, type_, one.search, delivers=one.delivers)
    slow = [type_ for type_, one in ways.items() if not one.search and not one.delivers]
    if slow:
        refusal = next((_said(one.push) for type_, one in ways.items() if type_ in slow and one.push), "")
        told = f"{of.name}: Subscriptions are not active for {', '.join(slow)}{': ' + refusal if refusal else ''}"
        fix = "a running gateway asks for them again; until then their changes are found by a search every few seconds"
        yield Finding(part="feed", verdict=Verdict.WARN, told=told, fix=fix)


def _unsearched(of: Feed, type_: str, fault: FhirError, *, delivers: bool) -> Finding:
    fix = f"let this client search {type_}, or take its triggers out of the pathways in wardflow.toml"
    if delivers:
        told = f"{of.name}: {type_} comes by its Subscription alone, and gaps stay: {_said(fault)}"
        return Finding(part="feed", verdict=Verdict.WARN, told=told, fix=fix)
    told = f"{of.name}: {feed_progress.BLIND}{type_} ({fault.answer}) at {fault.url}"
    return Finding(part="feed", verdict=Verdict.FAIL, told=told, fix=fix if fault.status else ADDRESS)


def _ways(of: Feed, type_: str) -> Ways:
    delivering: list[bool] = []
    push = _fault(lambda: delivering.append(of.delivers(type_)))
    return Ways(search=_fault(lambda: of.fhir.check_access(type_)), push=push, delivers=delivering == [True])


def _fault(call: Callable[[], object]) -> FhirError | None:
    try:
        call()
    except FhirError as fault:
        return fault
    return None


def rolls_back(fhir: FhirClient) -> Finding:
    """Try a transaction whose second half must fail, and look whether its first half stayed: a throw-away Basic.

    The first half is a POST, whose id the server chooses: some servers refuse ids of ours, which would prove nothing.
    """
    mark = str(uuid.uuid4())
    refusal: FhirError | None = None
    answers: list[Resource] = []
    try:
        answers = [entry.get("response") or {} for entry in fhir.bundle(_probe(mark))]
    except FhirError as fault:
        refusal = fault
    done = [answer for answer in answers if str(answer.get("status", "")).startswith(SUCCESS)]
    found = _left(fhir, mark)
    left = {*(found or ()), *(id_ for answer in done if (id_ := _id_at(str(answer.get("location", "")))))}
    if done or left:
        return _in_part(_removed(fhir, sorted(left)), both=len(done) > 1)
    if answers:
        return _unknown(f"every entry was refused: {', '.join(str(a.get('status')) for a in answers)[:100]}", None)
    if found is None or refusal is None or refusal.kind not in (FhirFault.CONFLICT, FhirFault.MISSING):
        return _unknown("the probe could not run", refusal)
    return Finding(part="fhir", verdict=Verdict.OK, told="a failing transaction leaves nothing behind")


def _in_part(kept: list[str], *, both: bool) -> Finding:
    told = "this server applies transactions in part: a decision could be written by half"
    fix = "turn on the server's transactions (Medplum: the project feature transaction-bundles)"
    if both:
        told, fix = "this server ignores If-Match: a write could undo another", "turn on the server's version checks"
    still = f"; {', '.join(kept)} could not be deleted again: do it by hand" if kept else ""
    return Finding(part="fhir", verdict=Verdict.FAIL, told=told + still, fix=fix)


def _id_at(location: str) -> str:
    """Return the id of the Basic that a location names."""
    return location.rpartition("Basic/")[2].partition("/")[0] if "Basic/" in location else ""


def _probe(mark: str) -> list[Resource]:
    body = {
        "resourceType": "Basic",
        "identifier": [{"system": PROBE_SYSTEM, "value": mark}],
        "code": {"text": "Wardflow doctor"},
    }
    absent = str(uuid.uuid4())
    fails = {"method": "PUT", "url": f"Basic/{absent}", "ifMatch": 'W/"987654"'}
    return [
        {"resource": body, "request": {"method": "POST", "url": "Basic"}, "fullUrl": f"urn:uuid:{mark}"},
        {"resource": body | {"id": absent}, "request": fails},
    ]


def _left(fhir: FhirClient, mark: str) -> list[str] | None:
    """Return the ids of what the probe left in the chart, or None where that can't be known."""
    try:
        return [str(resource["id"]) for resource in fhir.search(f"Basic?identifier={PROBE_SYSTEM}|{mark}")]
    except FhirError as fault:
        if fault.kind == FhirFault.UNREACHABLE:
            raise
        return None


def _removed(fhir: FhirClient, left: list[str]) -> list[str]:
    """Delete what the probe left; return what stays."""
    faults = {id_: _fault(lambda id_=id_: fhir.delete("Basic", id_)) for id_ in left}
    return [f"Basic/{id_}" for id_, fault in faults.items() if fault]


def _unknown(why: str, refusal: FhirError | None) -> Finding:
    told = "not known whether a failing transaction leaves nothing behind: " + why
    told += f": {_said(refusal)}" if refusal else ""
    fix = "let this client POST, PUT, search and DELETE Basic in a transaction, or try it by hand before going live"
    return Finding(part="fhir", verdict=Verdict.WARN, told=told, fix=fix)
