"""Keys that logs and traces may hold: any other is dropped, and none of them may hold patient data."""

_BOTH = frozenset(["pathway", "version", "kind", "role", "step", "attempt", "error"])
SPAN_KEYS = _BOTH | frozenset(["generation", "events", "made_by", "resources"])
"""Attributes of a span: counts, versions and kinds."""
LOG_KEYS = _BOTH | frozenset(
    [
        "event",
        "level",
        "timestamp",
        "process",
        "case_id",
        "workflow_id",
        "feed",
        "count",
        "number",
        "seconds",
        "port",
        "url",
        "part",
        "activity",
        "logger",
        "where",
        "accepted",
        "decided",
        "status",
        "diagnostics",
        "reason",
        "chain",
        "position",
    ]
)
"""Keys of a log line. `events` and `resources`, counts in a span, are no keys here: they could hold whole messages."""
