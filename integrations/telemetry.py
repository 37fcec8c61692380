"""Keys that logs and traces may hold: any other is dropped, and none of them may hold patient data."""

SPAN_KEYS = frozenset(
    ["pathway", "generation", "version", "events", "kind", "made_by", "role", "step", "attempt", "resources", "error"]
)
"""Counts, versions and kinds: attributes of a span, and keys of a log line."""
LOG_KEYS = SPAN_KEYS | frozenset(
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
