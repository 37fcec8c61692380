"""Whether the evidence of a suggestion stands in the chart as it was shown (I17, I18)."""

import hashlib
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from activities.chart_reads import read_resources
from activities.snapshot_chart import facts_hash, freeze
from activities.world import World
from agents import evidence
from contracts.cases import CaseRef
from contracts.charts import Attention, ChartFacts
from contracts.decisions import Evidence
from contracts.errors import FhirError, FhirFault
from integrations import clock
from integrations.ledger import evidence as ledger_evidence
from integrations.ledger.audit import Action
from integrations.ledger.cases import CaseRow
from integrations.ledger.evidence import LINE, Piece

IDS_AT_ONCE = 50
UNSEARCHABLE = "Binary"  # which many servers do not search (FHIR R4, Binary): the rest of the evidence is looked at


def look(world: World, case: CaseRow) -> Evidence:
    """Look whether the chart still bears out what the case shows. Raises FhirError, ConfigurationError."""
    found = look_at_versions(world, case)
    return look_at_facts(world, case) if found == Evidence.CHANGED else found


def look_at_versions(world: World, case: CaseRow) -> Evidence:
    """Compare ids and versions only: CHANGED where one is missing or another, which `look_at_facts` then judges.

    UNCHECKED where the case shows nothing. The reading is audited before it is used (I9). Raises FhirError,
    ConfigurationError.
    """
    if case.snapshot_blob is None:
        return Evidence.UNCHECKED
    with world.records.db.read() as tx:
        kept = ledger_evidence.of_version(tx, case.case_id, case.version)
    shown = {one.resource: one.version_id for one in kept if one.version_id} or _behind(world, case)
    found = dict(versions(world, shown))
    _audit(world, case.ref, f"{len(shown)} resources of the evidence")
    same = all(found.get(resource) == version for resource, version in shown.items())
    return Evidence.CHECKED if same else Evidence.CHANGED


def look_at_facts(world: World, case: CaseRow) -> Evidence:
    """Read the chart anew: equal facts are no change, and a stay that is gone is one. Audited before it is used.

    Raises FhirError, ConfigurationError.
    """
    as_of = clock.now()
    try:
        resources = read_resources(world, case.pathway, case.encounter_id)
    except FhirError as fault:
        if fault.kind == FhirFault.MISSING:  # the chart answers: the stay itself is gone
            return Evidence.CHANGED
        raise
    frozen = freeze(world, case.pathway, case.encounter_id, resources, as_of)
    _audit(world, case.ref, "the chart anew: a version of the evidence is another")
    shown = world.facts(case.pathway, case.encounter_id, case.snapshot_blob or "")
    return Evidence.CHECKED if frozen.facts_hash == facts_hash(shown) else Evidence.CHANGED


def pieces(world: World, ref: CaseRef, snapshot_blob: str, facts: ChartFacts) -> list[Piece]:
    """Return the evidence of a suggestion that was made of these facts of a frozen chart, for the ledger."""
    chart = world.records.chart(snapshot_blob)
    demanded: dict[str, Attention] = {}
    lines: dict[str, Piece] = {}
    for item in world.pathways[ref.pathway].attention(chart.resources, facts):
        if item.resource:
            demanded.setdefault(item.resource.partition("/_history/")[0], item)
        else:
            name = hashlib.sha256(item.line.encode()).hexdigest()
            told = Piece(resource=f"{LINE}{name}", version_id="", facts_hash=name, rule=item.rule, floor=item.floor)
            lines[name] = told
    found = {
        name: Piece(resource=name, version_id=version, facts_hash=evidence.hash_of(name, facts))
        for name, version in evidence.behind(chart.resources, facts).items()
    }
    for name, item in demanded.items():
        if name in found:
            found[name] = found[name].model_copy(update={"rule": item.rule or ref.pathway, "floor": item.floor})
    return [*found.values(), *lines.values()]


def _behind(world: World, case: CaseRow) -> dict[str, str]:
    """Return the evidence of a version that was shown before the ledger kept it."""
    chart = world.records.chart(case.snapshot_blob or "")
    facts = world.pathways[case.pathway].read_chart(chart.resources, case.encounter_id, chart.as_of)
    return evidence.behind(chart.resources, facts)


def versions(world: World, shown: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the version that the chart has of each of these resources; those that are gone are missing.

    Where a type can't be searched, the version that was shown. Raises FhirError, ConfigurationError.
    """
    ids: dict[str, list[str]] = {}
    for resource in sorted(shown):
        type_, _, id_ = resource.partition("/")
        ids.setdefault(type_, []).append(id_)
    for type_, named in ids.items():
        for start in range(0, len(named), IDS_AT_ONCE):
            ids_of = named[start : start + IDS_AT_ONCE]
            some = ",".join(quote(id_, safe="") for id_ in ids_of)
            try:
                found = world.fhir.search(f"{type_}?_id={some}&_elements=id,meta")
            except FhirError as fault:
                if type_ != UNSEARCHABLE or fault.kind != FhirFault.REFUSED:
                    raise
                yield from ((f"{type_}/{id_}", shown[f"{type_}/{id_}"]) for id_ in ids_of)
                continue
            for resource in found:
                yield f"{type_}/{resource.get('id')}", resource.get("meta", {}).get("versionId", "")


def _audit(world: World, ref: CaseRef, detail: str) -> None:
    with world.records.db.write() as tx:
        what = f"Encounter/{ref.encounter_id}"
        world.records.auditor.append(
            tx, Action.READ, what, case_id=ref.case_id, encounter_id=ref.encounter_id, detail=detail
        )
