"""Shows rounds of tuning: as a table, and as an image of how kappa climbs."""

from pathlib import Path
from typing import Any

from contracts.rounds import RoundResult, RoundsPlan, RoundsReport
from contracts.tuning import VerdictOutcome

KAPPA, UNDER = "quadratic_weighted_kappa", "under_triage"


def table(planned: RoundsPlan, report: RoundsReport) -> str:
    """Return one line a round, refused ones too, each figure with its 95 % interval."""
    lines = [f"measured against {planned.measured_against}; through the trainer, in float32"]
    lines.append(f"{'':9}{'rows':>5}  {'kappa':<24}{'under-triage':<24}{'minutes':>8}  verdict")
    for told in report.rounds:
        if told.number == 1:
            lines.append(f"{'start':9}{'':5}  {_figures(told.judged.champion)}{'':>8}  {planned.champion}")
        minutes = f"{told.seconds / 60:.1f}"
        figures = _figures(told.judged.evaluation)
        lines.append(f"round {told.number:<3}{told.rows:>5}  {figures}{minutes:>8}  {told.judged.verdict}: {told.name}")
        for why, count in told.refused.items():
            lines.append(f"{'':16}{count} decisions left out: {why}")
    same = report.champion == planned.champion
    lines.append("no round was better" if same else f"the best is {report.champion}; it serves nobody until promoted")
    return "\n".join(lines)


def draw(planned: RoundsPlan, report: RoundsReport, folder: Path) -> Path:
    """Write `climb.png` and return its path."""
    # Slow to import, and wanted here only; Agg draws without a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    start = report.rounds[0].judged.champion
    rows, figures = [0, *(told.rows for told in report.rounds)], [start, *(t.judged.evaluation for t in report.rounds)]
    kappas = [_number(one) for one in figures]
    spans = [_interval(one, KAPPA) or (kappa, kappa) for one, kappa in zip(figures, kappas, strict=True)]
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot(
        xlabel="decisions that it learned from",
        ylabel="quadratic weighted kappa, 95 % interval",
        title=planned.measured_against,
    )
    low = [max(kappa - span[0], 0.0) for kappa, span in zip(kappas, spans, strict=True)]
    high = [max(span[1] - kappa, 0.0) for kappa, span in zip(kappas, spans, strict=True)]
    axes.errorbar(rows, kappas, yerr=[low, high], marker="o", capsize=4)
    for told, kappa in zip(report.rounds, kappas[1:], strict=True):
        if not _better(told):
            axes.plot(told.rows, kappa, marker="x", markersize=14, color="red")
            axes.annotate("refused", (told.rows, kappa), xytext=(6, -14), textcoords="offset points")
    path = folder / "climb.png"
    FigureCanvasAgg(figure).print_png(path)
    return path


def _better(told: RoundResult) -> bool:
    return told.judged.outcome == VerdictOutcome.BETTER


def _figures(one: dict[str, Any]) -> str:
    return "".join(f"{_said(one, name):<24}" for name in (KAPPA, UNDER))


def _said(one: dict[str, Any], name: str) -> str:
    value, interval = one[name], _interval(one, name)
    said = "-" if value is None else f"{value:.3f}"
    return said + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")


def _interval(one: dict[str, Any], name: str) -> tuple[float, float] | None:
    found = one["interval_95"][name]
    return (found[0], found[1]) if found else None


def _number(one: dict[str, Any]) -> float:
    return one[KAPPA] or 0.0
