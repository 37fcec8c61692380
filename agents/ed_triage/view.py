"""What the page of a triage says in its own words."""

from contracts.views import View

VIEW = View(
    noun="level",
    reasons=(
        "vitals changed",
        "history the model did not have",
        "evidence wrong",
        "clinical judgement: higher",
        "clinical judgement: lower",
        "not a triage case",
    ),
)
