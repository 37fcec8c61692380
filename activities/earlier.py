"""What was decided before in a stay, and how the chart of now stands to it (I17, I18)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from activities import recordings
from activities.world import World
from agents import evidence
from agents.charts import version_of
from agents.pathway import Pathway, RepeatingPathway
from contracts.cases import UNDECIDED
from contracts.charts import Attention, ChartFacts
from contracts.decisions import ACCEPTED, WITHDRAWING, Decision, DecisionKind
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

    @property
    def told(self) -> frozenset[str]:
        """Return the resources (`Type/id`) that it was told had changed."""
        earlier = self.suggestion.earlier
        return frozenset(one.resource for one in earlier.changed) if earlier else frozenset()

    @property
    def withdrew(self) -> frozenset[str]:
        """Return the cases whose writing it withdrew or replaced."""
        earlier = self.suggestion.earlier
        return frozenset(earlier.in_question) if earlier and self.decision.kind in WITHDRAWING else frozenset()


@dataclass(frozen=True)
class Stay:
    """The cases of one pathway in a stay, but for those that wait for a person."""

    decided: tuple[Before, ...] = ()
    """The first one first."""
    undecided: tuple[Suggestion, ...] = ()
    """What cases showed last that ended undecided."""
    noted: tuple[Suggestion, ...] = ()
    """Of these, what a person took note of."""

    @cached_property
    def withdrawn(self) -> frozenset[str]:
        """Return the cases whose writing a later decision withdrew or replaced."""
        return frozenset().union(*(one.withdrew for one in self.decided))

    @property
    def accepted(self) -> list[Before]:
        """Return the decisions that somebody acts on still: repeats of what they showed don't ask again."""
        refused = (DecisionKind.REJECT, DecisionKind.WITHDRAW)
        return [
            one for one in self.decided if one.decision.kind not in refused and one.case.case_id not in self.withdrawn
        ]

    def standing(self, case_id: str) -> tuple[str, ...]:
        """Return the cases whose writing stands by the decision of that case: its own, or what it kept."""
        one = next((one for one in self.decided if one.case.case_id == case_id), None)
        if one is None or case_id in self.withdrawn:
            return ()
        if one.decision.kind in ACCEPTED:
            return (case_id,)
        kept = one.suggestion.earlier if one.decision.kind == DecisionKind.KEEP else None
        found = (case for before in (kept.in_question if kept else ()) for case in self.standing(before))
        return tuple(dict.fromkeys(found))


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
        undecided=tuple(shown[one] for one in open_ended),
        noted=tuple(shown[one] for one in open_ended if one in noted),
    )


def undealt(
    world: World, pathway_name: str, encounter_id: str, resources: list[Resource], case_id: str
) -> list[Resource]:
    """Return a chart without the recordings that decided cases of the stay deal with, written or not yet: what was
    dictated is filed once (I2). Raises LedgerError."""
    stay = of_stay(world, pathway_name, encounter_id, case_id)
    heard = [recording for one in stay.decided for recording in one.shown.recordings]
    dealt = {version for recording in heard for version in (recording.resource, *recording.copies)}
    return [one for one in resources if not dealt or not one.get("id") or version_of(one) not in dealt]


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
    changed = changes(world, pathway, stay, resources, facts, frozen=True)
    doubtful = [*(one.case_id for one in changed), *([asked.corrects] if asked else [])]
    return Earlier(
        decided=tuple(map(_answered, stay.decided)),
        new=tuple(item.resource or item.line for item in new),
        changed=tuple(changed),
        asked_by=asked.name if asked else "",
        in_question=tuple(dict.fromkeys(case for one in doubtful for case in stay.standing(one))),
    )


def uncovered(
    pathway: Pathway, resources: Sequence[Resource], facts: ChartFacts, stay: Stay, listed: Sequence[Suggestion] = ()
) -> list[Attention]:
    """Return what of a chart demands a look and is in no decision, nor in what is `listed` (I17)."""
    return [
        item
        for item in pathway.attention(resources, facts)
        if not covered(item, facts, stay)
        and not any(_covers(one, item, facts) for one in (*stay.noted, *listed))
        and not repeats(pathway, item, facts, stay)
    ]


def covered(item: Attention, facts: ChartFacts, stay: Stay) -> bool:
    """Return whether a decision showed an item, in this very version or in one that said the same.

    An approval, a change and a rejection all cover what they showed, whatever the level; but none covers what rules
    judge more urgent since, nor what a later decision was told had changed: what comes back is news.
    """
    name = item.resource.partition("/_history/")[0]
    return any(
        _covers(one.suggestion, item, facts) and not any(name in later.told for later in stay.decided[position + 1 :])
        for position, one in enumerate(stay.decided)
    )


def repeats(pathway: Pathway, item: Attention, facts: ChartFacts, stay: Stay) -> bool:
    """Return whether an item asks again for what a person accepted, and is judged no more urgent than it was then."""
    accepted = [one.shown for one in stay.accepted if not _more_urgent(item, one.suggestion)]
    return isinstance(pathway, RepeatingPathway) and pathway.repeats(item, facts, accepted)


def shows(suggestions: Iterable[Suggestion], item: Attention, facts: ChartFacts) -> bool:
    """Return whether one of the suggestions shows an item."""
    return any(_covers(one, item, facts) for one in suggestions)


def _covers(suggestion: Suggestion, item: Attention, facts: ChartFacts) -> bool:
    return evidence.shows(suggestion.facts, item, facts) and not _more_urgent(item, suggestion)


def _more_urgent(item: Attention, suggestion: Suggestion) -> bool:
    """Return whether rules demand more for an item than the suggestion said; codes sort as urgency does."""
    return item.floor is not None and (suggestion.floor is None or item.floor < suggestion.floor)


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
    world: World, pathway: Pathway, stay: Stay, resources: Sequence[Resource], facts: ChartFacts, *, frozen: bool
) -> list[Changed]:
    """Return what decisions showed and the chart says otherwise, unless a later decision was told of it (I18).

    `frozen` says whether the recordings of these resources are frozen. Raises FhirError, LedgerError.
    """
    found: list[Changed] = []
    current = {_name(one): one for one in resources}
    for position, one in enumerate(stay.decided):
        later = stay.decided[position + 1 :]
        for resource, (version, was, now) in _differences(world, pathway, one, current, facts.as_of, frozen).items():
            if not any(_told(world, other, resource, version) for other in later):
                found.append(Changed(resource=resource, version=version, was=was, now=now, case_id=one.case.case_id))
    return found


def _told(world: World, later: Before, resource: str, version: str) -> bool:
    """Return whether a later decision was told of that very version, or had it in its chart."""
    told = later.suggestion.earlier.changed if later.suggestion.earlier else ()
    if any((one.resource, one.version) == (resource, version) for one in told):
        return True
    held = world.records.chart(later.case.snapshot_blob or "").resources if version else []
    return any(_name(one) == resource and _version(one) == version for one in held)


def _differences(
    world: World, pathway: Pathway, one: Before, current: Mapping[str, Resource], as_of: datetime, frozen: bool
) -> dict[str, tuple[str, str, str]]:
    """Return the version, the words of then and those of now, of each resource that says otherwise."""
    chart = world.records.chart(one.case.snapshot_blob or "")
    held = evidence.behind(chart.resources, one.shown)
    was = [resource for resource in chart.resources if _name(resource) in held]
    now = [found for resource in was if (found := _current(world, current, resource, frozen))]
    if [_version(found) for found in now] == [_version(resource) for resource in was]:
        return {}
    versions = {_name(found): _version(found) for found in now}
    said = evidence.changed(pathway, one.case.encounter_id, was, now, as_of)
    return {name: (versions.get(name, ""), *words) for name, words in said.items()}


def _current(world: World, current: Mapping[str, Resource], resource: Resource, frozen: bool) -> Resource | None:
    """Return a resource as the chart has it, wherever it is now, with its recording; None where it is gone."""
    name = _name(resource)
    found = current.get(name) or world.fhir.find(resource["resourceType"], resource["id"])
    if found is None or _version(found) == _version(resource):
        return found and resource  # as it was frozen
    if not (frozen and name in current):
        recordings.freeze(world, [found])
    return found


def _version(resource: Resource) -> str:
    return str((resource.get("meta") or {}).get("versionId", ""))


def _name(resource: Resource) -> str:
    return f"{resource.get('resourceType')}/{resource.get('id')}"
