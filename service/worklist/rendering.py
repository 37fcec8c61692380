"""The templates, and what every page shows besides its own: parts that are away, what was stopped, what was spent."""

from datetime import datetime
from functools import partial
from pathlib import Path

from fastapi.templating import Jinja2Templates

from activities.world import World
from contracts.cases import CaseState
from integrations import clock
from integrations.ledger import spending
from service.process.health import Health
from service.process.settings import Settings
from service.worklist import dictating
from service.worklist.rows import Worklist

HERE = Path(__file__).parent
AWAY = {
    "temporal": "TEMPORAL AWAY: nothing can be decided now",
    "worker": "WORKER AWAY: nothing can be decided now",
    "chart": "CHART AWAY: suggestions and write-back wait",
    "gateway": "GATEWAY AWAY: nothing new arrives",
    "redis": "Live updates away: read again every few seconds",
}
"""What people are told of a part that is away; what else is away they can't see or mend."""


def templates(world: World, worklist: Worklist, settings: Settings, health: Health) -> Jinja2Templates:
    """Return the templates with all that they may show without being given it."""
    made = Jinja2Templates(HERE / "templates")
    made.env.globals |= {
        "now": clock.now,
        "milliseconds": milliseconds,
        "users": settings.users,
        "models": list(world.models),
        "stopped": worklist.stopped,
        "stranded": worklist.stranded,
        "spent": partial(spending.used_up, world.records.db, settings.budgets),
        "AWAY": AWAY,
        "CaseState": CaseState,
        "patient_labels": dictating.patient_labels,
    }
    made.context_processors.append(
        lambda _request: {"parts": health.parts(), "not_shown": health.unseen(), "connected": health.connected()}
    )
    return made


def milliseconds(moment: datetime) -> int:
    """Return a moment as browsers count time: milliseconds since 1970."""
    return round(moment.timestamp() * 1000)
