"""Shows a judgement: as text, and its confusion matrix as an image."""

from pathlib import Path

from tuning.judgement import Judgement
from tuning.paired import Difference
from tuning.second_reader import SecondReading


def table(name: str, judged: Judgement) -> str:
    """Return figures with their 95 % intervals, then the confusion matrix; `none` counts what the judge declined."""
    by_rules = "" if judged.by_rules is None else f", {judged.by_rules} of them by rules"
    lines = [f"{name}: {judged.n} cases{by_rules}, {judged.declined} declined"]
    for figure, interval in judged.interval_95.items():
        value = getattr(judged, figure)
        said = "-" if value is None else f"{value:.3f}"
        lines.append(f"  {figure:<26} {said:>6}" + (f"  [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else ""))
    lines.append(f"  {'label / given':<14}" + "".join(f"{level:>6}" for level in (*judged.levels, "none")))
    for level, row, none in zip(judged.levels, judged.confusion, judged.declined_by_level, strict=True):
        lines.append(f"  {level:<14}" + "".join(f"{count:>6}" for count in (*row, none)))
    return "\n".join(lines)


def remarks(model_adds: Difference | None, second: SecondReading | None) -> list[str]:
    """Return what else was measured, each as a line or two."""
    lines: list[str] = []
    if model_adds:
        low, high = model_adds.interval_95
        lines.append(
            f"kappa with the model less without: {model_adds.kappa:+.3f} [{low:+.3f}, {high:+.3f}]: {model_adds.says}"
        )
    if second:
        found, right = second.found_share_interval_95, second.right_share_interval_95
        share = (
            "-"
            if second.found_share is None or not found
            else f"{second.found_share:.3f} [{found[0]:.3f}, {found[1]:.3f}]"
        )
        lines.append(
            f"second reader: {len(second.flagged)} cases flagged ({second.alerts:.0%}), {second.found} of"
            f" {second.under_triaged} under-triaged ones among them: {share};"
            f" of the flagged {second.right_share:.3f} [{right[0]:.3f}, {right[1]:.3f}] were\n  "
            + " ".join(second.flagged)
        )
    return lines


def draw(name: str, judged: Judgement, folder: Path) -> Path:
    """Write `confusion-NAME.png` and return its path."""
    # Slow to import, and wanted here only; Agg draws without a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 4), layout="constrained")
    axes = figure.add_subplot(
        title=f"{name}, {judged.n} cases, {judged.declined} declined", xlabel="given", ylabel="label"
    )
    axes.imshow(judged.confusion, cmap="Blues")
    ticks = range(len(judged.levels))
    axes.set_xticks(ticks, judged.levels)
    axes.set_yticks(ticks, judged.levels)
    most = max(map(max, judged.confusion))
    for row, counts in enumerate(judged.confusion):
        for column, count in enumerate(counts):
            colour = "white" if count > most / 2 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour)
    path = folder / f"confusion-{name}.png"
    FigureCanvasAgg(figure).print_png(path)
    return path
