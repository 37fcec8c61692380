"""What was decided before in a stay, and how the chart of now stands to it (I17, I18)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from activities.world import World
from agents import evidence
from agents.pathway import Pathway, RepeatingPathway
from contracts.cases import UNDECIDED
from contracts.charts import Attention, ChartFacts
from contracts.decisions import Decision, DecisionKind
from contracts.revisions import Answered, Changed, Earlier
from contracts.suggestions import Suggestion
from integrations.fhir.client import Resource
from integrations.ledger import cases, corrections, decisions
from integrations.ledger.cases import CaseRow


@dataclass(frozen=True)
class Before:
    """An earlier case of the stay with its decision."""

    case: CaseRow
    decision: Decision
    suggestion: Suggestion

    @property
    def shown(self) -> ChartFacts:
        return self.suggestion.facts


@dataclass(frozen=True)
class Stay:
    """The cases of one pathway in a stay, but for those that wait for a person."""

    decided: tuple[Before, ...] = ()
    """The first one first."""
    undecided: tuple[ChartFacts, ...] = ()
    """What cases showed last that ended undecided."""
    noted: tuple[ChartFacts, ...] = ()
    """Of these, what a person took note of."""

    @property
    def accepted(self) -> list[ChartFacts]:
        """Return what was shown by decisions other than rejections: its repeats don't ask again."""
        return [one.shown for one in self.decided if one.decision.kind != DecisionKind.REJECT]


def of_stay(world: World, pathway_name: str, encounter_id: str, case_id: str = "") -> Stay:
    """Return the cases of a pathway in a stay, without that case. Raises LedgerError."""
    with world.records.db.read() as tx:
        known = [one for one in cases.of_stay(tx, pathway_name, encounter_id) if one.case_id != case_id]
        documents = decisions.of_cases(tx, [one.case_id for one in known])
        noted = corrections.acknowledged_of(tx, [one.case_id for one in known])
    shown = {one.case_id: world.records.suggestion(one.suggestion_blob) for one in known if one.suggestion_blob}
    open_ended = [one.case_id for one in known if one.state in UNDECIDED and one.case_id in shown]
    return Stay(
        decided=tuple(
            Before(one, documents[one.case_id], shown[one.case_id])
            for one in known
            if one.case_id in documents and one.case_id in shown
        ),
        undecided=tuple(shown[one].facts for one in open_ended),
        noted=tuple(shown[one].facts for one in open_ended if one in noted),
    )


def compare(
    world: World, pathway_name: str, resources: Sequence[Resource], facts: ChartFacts, case_id: str = ""
) -> Earlier | None:
    """Return what was decided on this pathway in the stay before that case, what of this chart no decision showed, and
    what decisions showed that the chart says otherwise now; None where nothing was decided. Raises FhirError,
    LedgerError.
    """
    stay = of_stay(world, pathway_name, facts.encounter_id, case_id)
    if not stay.decided:
        return None
    with world.records.db.read() as tx:
        asked = corrections.asked(tx, case_id)
    pathway = world.pathways[pathway_name]
    new = uncovered(pathway, resources, facts, stay)
    return Earlier(
        decided=tuple(map(_answered, stay.decided)),
        new=tuple(item.resource or item.line for item in new),
        changed=tuple(changes(world, pathway, stay, resources, facts)),
        asked_by=asked.name if asked else "",
    )


def uncovered(
    pathway: Pathway, resources: Sequence[Resource], facts: ChartFacts, stay: Stay, listed: Sequence[ChartFacts] = ()
) -> list[Attention]:
    """Return what of a chart demands a look and is in no decision, nor in what is `listed` (I17).

    An approval, a change and a rejection all cover the versions that they showed, whatever the level, and new versions
    that say the same; so does what a person took note of. What was accepted covers its repeats as well.
    """
    covering = [*(one.shown for one in stay.decided), *stay.noted, *listed]
    items = pathway.attention(resources, facts)
    unseen = (item for item in items if not any(evidence.shows(one, item, facts) for one in covering))
    return [item for item in unseen if not repeats(pathway, item, facts, stay.accepted)]


def repeats(pathway: Pathway, item: Attention, facts: ChartFacts, accepted: Sequence[ChartFacts]) -> bool:
    """Return whether an item asks again for what a person accepted."""
    return isinstance(pathway, RepeatingPathway) and pathway.repeats(item, facts, accepted)


def _answered(before: Before) -> Answered:
    choice = before.suggestion.choice(before.decision.selected)
    return Answered(
        case_id=before.case.case_id,
        generation=before.case.generation,
        kind=before.decision.kind,
        selected=before.decision.selected,
        display=choice.display if choice else "",
        decided_by=before.decision.reviewer.name,
        decided_at=before.decision.decided_at,
    )


def changes(
    world: World, pathway: Pathway, stay: Stay, resources: Sequence[Resource], facts: ChartFacts
) -> list[Changed]:
    """Return what decisions showed and the chart says otherwise, unless a later decision was told of it (I18).

    Raises FhirError, LedgerError.
    """
    found: dict[str, Changed] = {}
    current = {_name(one): one for one in resources}
    for position, one in enumerate(stay.decided):
        later = stay.decided[position + 1 :]
        for resource, (was, now) in _differences(world, pathway, one, current, facts.as_of).items():
            if not any(_told(other, resource, now, facts) for other in later):
                found[resource] = Changed(resource=resource, was=was, now=now, case_id=one.case.case_id)
    return list(found.values())


def _told(later: Before, resource: str, now: str, facts: ChartFacts) -> bool:
    """Return whether a later decision showed what the chart says of a resource now."""
    told = later.suggestion.earlier.changed if later.suggestion.earlier else ()
    said = evidence.said_of(resource, facts)
    return any((one.resource, one.now) == (resource, now) for one in told) or (
        bool(said) and said == evidence.said_of(resource, later.shown)
    )


def _differences(
    world: World, pathway: Pathway, one: Before, current: Mapping[str, Resource], as_of: datetime
) -> dict[str, tuple[str, str]]:
    chart = world.records.chart(one.case.snapshot_blob or "")
    held = evidence.behind(chart.resources, one.shown)
    was = [resource for resource in chart.resources if _name(resource) in held]
    if all(_version(current.get(_name(resource))) == _version(resource) for resource in was):
        return {}
    now = [found for resource in was if (found := _current(world, current, resource))]
    return evidence.changed(pathway, one.case.encounter_id, was, now, as_of)


def _current(world: World, current: Mapping[str, Resource], resource: Resource) -> Resource | None:
    """Return a resource as the chart has it, wherever it is now; None where it is gone."""
    name = _name(resource)
    return current[name] if name in current else world.fhir.find(resource["resourceType"], resource["id"])


def _version(resource: Resource | None) -> str:
    return str((resource or {}).get("meta", {}).get("versionId", ""))


def _name(resource: Resource) -> str:
    return f"{resource.get('resourceType')}/{resource.get('id')}"
