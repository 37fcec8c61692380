"""The page's table, and the file that is kept of a run."""

import json
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- begin of the generated table -->", "<!-- end of the generated table -->"


def table(result: dict[str, Any]) -> str:
    """Return every figure with its aim, the commands, and the machine, as Markdown."""
    told = result["machine"]
    lines = [
        f"Commit `{result['commit']}`, {result['at']}: {told['cores']} cores of {told['cpu']}, "
        f"{told['memory_gib']} GiB, Linux {told['kernel']}, Python {told['python']}; "
        f"fsync p50 {told['fsync_ms']['p50']} ms, "
        f"p99 {told['fsync_ms']['p99']} ms.",
        "",
        "| figure | measured | aim | met |",
        "| --- | --- | --- | --- |",
    ]
    for name, one in result["benchmarks"].items():
        lines.append(f"| **{name}**: `{one['command']}`, load {one['load'][0]} → {one['load'][1]} | | | |")
        lines += [_row(figure) for figure in one["figures"]]
    return "\n".join(lines)


def _row(figure: dict[str, Any]) -> str:
    value = f"{figure['value']:g} {figure['unit']}".strip()
    if figure["interval_95"]:
        value += " [{:g}, {:g}]".format(*figure["interval_95"])
    aim = "" if figure["aim"] is None else f"{'at most' if figure['most'] else 'at least'} {figure['aim']:g}"
    met = {True: "yes", False: "**no**", None: ""}[figure["met"]]
    note = f" ({figure['note']})" if figure["note"] else ""
    return f"| {figure['name']}{note} | {value} | {aim} | {met} |"


def keep(result: dict[str, Any], folder: Path) -> Path:
    """Write the run's JSON, and put its table into the folder's README.md; return the JSON's path."""
    path = folder / f"{result['at'][:10]}-{result['commit']}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    page = folder / "README.md"
    before, _, rest = page.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n{table(result)}\n\nKept as `{path.name}`.\n{END}{after}")
    return path
