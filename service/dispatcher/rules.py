"""The triggers of the configuration as rules for `triage`: a type, a category, and FHIRPath on what the feed sent."""

from collections.abc import Callable, Mapping
from typing import Any

import fhirpathpy
import structlog
from fhirpathpy.models import models as fhirpath_models

from agents import charts
from service.dispatcher.triage import Judgement, PathwayRules, Trigger
from service.process.settings import PathwaySettings, TriggerSettings

log = structlog.get_logger()


def compiled(pathways: Mapping[str, PathwaySettings]) -> dict[str, PathwayRules]:
    """Return the rules of each pathway."""
    return {
        name: PathwayRules(pathway.feed, tuple(_trigger(trigger) for trigger in pathway.triggers))
        for name, pathway in pathways.items()
    }


def _trigger(trigger: TriggerSettings) -> Trigger:
    where = fhirpathpy.compile(trigger.where, model=fhirpath_models["r4"]) if trigger.where else None
    conditional = where is not None or bool(trigger.category)
    return Trigger(trigger.resource, _condition(trigger.category, where) if conditional else None, trigger.opens)


def _condition(category: str, where: Callable[..., Any] | None) -> Callable[[Any], Judgement]:
    def judge(sent: Any) -> Judgement:
        try:
            if category and category not in charts.categories(sent):
                return Judgement.NO_MATCH
            return Judgement.MATCH if where is None or where(sent, None) == [True] else Judgement.NO_MATCH
        except Exception as fault:
            log.error("event_broken", exc_info=fault)
            return Judgement.FAILED

    return judge
