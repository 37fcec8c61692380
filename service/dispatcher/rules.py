"""The triggers of the configuration as rules for `triage`: a type, a category, FHIRPath on what the feed sent, and what
the pathway itself makes of it."""

from collections.abc import Mapping
from typing import Any

import fhirpathpy
import structlog
from fhirpathpy.models import models as fhirpath_models

from agents import charts
from agents.pathway import Pathway, Relevance, SelectingPathway
from service.dispatcher.triage import Judgement, PathwayRules, Trigger
from service.process.settings import PathwaySettings, TriggerSettings

log = structlog.get_logger()


def compiled(configured: Mapping[str, PathwaySettings], pathways: Mapping[str, Pathway]) -> dict[str, PathwayRules]:
    """Return the rules of each pathway; one that is not given leaves all to its triggers."""
    return {
        name: PathwayRules(settings.feed, tuple(_trigger(trigger, pathways.get(name)) for trigger in settings.triggers))
        for name, settings in configured.items()
    }


def _trigger(trigger: TriggerSettings, pathway: Pathway | None) -> Trigger:
    where = fhirpathpy.compile(trigger.where, model=fhirpath_models["r4"]) if trigger.where else None
    selecting = pathway if isinstance(pathway, SelectingPathway) else None
    relevant = (Relevance.OPENS,) if trigger.opens else (Relevance.OPENS, Relevance.INFORMS)

    def judge(sent: Any) -> Judgement:
        try:
            if trigger.category and trigger.category not in charts.categories(sent):
                return Judgement.NO_MATCH
            if selecting and selecting.relevance(sent) not in relevant:
                return Judgement.NO_MATCH
            return Judgement.MATCH if where is None or where(sent, None) == [True] else Judgement.NO_MATCH
        except Exception as fault:
            log.error("event_broken", exc_info=fault)
            return Judgement.FAILED

    conditional = where is not None or bool(trigger.category) or selecting is not None
    return Trigger(trigger.resource, judge if conditional else None, trigger.opens)
