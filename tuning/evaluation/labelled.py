"""Reads frozen charts, and the levels that people gave them, from files."""

import csv
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

from agents.pathway import Pathway
from contracts.charts import ChartFacts
from contracts.decisions import DecisionKind
from contracts.errors import ConfigurationError, ConfigurationFault
from contracts.tuning import Arm, DecidedCase

SHORTLY = timedelta(minutes=5)  # after the encounter's start: the moment for which a chart is judged


def charts(file: Path, pathway: Pathway, limit: int | None) -> list[ChartFacts]:
    """Return the frozen chart of each line, shortly after its encounter's start. Raises ConfigurationError."""
    found: dict[str, ChartFacts] = {}
    for number, line in enumerate(_text(file).split("\n"), 1):
        if not line.strip() or len(found) == limit:
            continue
        try:
            bundle = json.loads(line)
            resources = [entry["resource"] for entry in bundle["entry"]]
            encounter = next((r for r in resources if r["resourceType"] == "Encounter"), None)
            if encounter is None:
                raise ConfigurationError(
                    ConfigurationFault.SETTING, f"{file.name} line {number} has no Encounter", setting="cases"
                )
            start = datetime.fromisoformat(encounter["period"]["start"].replace("Z", "+00:00"))
            facts = pathway.read_chart(resources, encounter["id"], start + SHORTLY)
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            why = "no FHIR bundle whose Encounter has an id and a period.start"
            raise ConfigurationError(
                ConfigurationFault.SETTING,
                f"{file.name} line {number} is {why} ({type(fault).__name__})",
                setting="cases",
            ) from None
        if facts.encounter_id in found:
            raise ConfigurationError(
                ConfigurationFault.SETTING, f"{file.name} line {number} repeats an encounter", setting="cases"
            )
        found[facts.encounter_id] = facts
    if not found:
        raise ConfigurationError(ConfigurationFault.SETTING, f"{file.name} has no encounters", setting="cases")
    return list(found.values())


def levels(file: Path, column: str, encounters: Sequence[str], scale: Sequence[str]) -> list[str]:
    """Return what the column says of each encounter. Raises ConfigurationError where it says no level of the scale."""
    reader = csv.DictReader(StringIO(_text(file), newline=""))
    for wanted in ("case_id", column):
        if wanted not in (reader.fieldnames or ()):
            raise ConfigurationError(
                ConfigurationFault.SETTING, f"{file.name} has no column {wanted!r}", setting="labels"
            )
    told = {row["case_id"]: (row[column] or "").strip() for row in reader}
    for encounter in encounters:
        level = told.get(encounter, "")
        if level not in scale:
            said = f"is none of {', '.join(scale)}" if level else "is missing"
            raise ConfigurationError(
                ConfigurationFault.SETTING, f"{column!r} of case {encounter} {said} in {file.name}", setting="labels"
            )
    return [told[encounter] for encounter in encounters]


def decided(
    charts: Sequence[ChartFacts], file: Path, column: str, role: str, scale: Sequence[str]
) -> list[DecidedCase]:
    """Return what a person decided of each chart, to whom nothing was suggested. Raises ConfigurationError."""
    said = levels(file, column, [chart.encounter_id for chart in charts], scale)
    return [
        DecidedCase(
            row_id=chart.encounter_id,
            facts=chart,
            kind=DecisionKind.CHOOSE,
            selected=level,
            decision_id=f"{file.name}:{column}:{chart.encounter_id}",
            reviewer_id=column,
            reviewer_role=role,
            arm=Arm.UNAIDED,
        )
        for chart, level in zip(charts, said, strict=True)
    ]


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(
            ConfigurationFault.SETTING, f"{file.name} is not UTF-8 text", setting="input"
        ) from None
