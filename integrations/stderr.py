"""Lines on standard error for the person who started a command; what a process logs goes through structlog."""

import sys


def show(line: str) -> None:
    """Write a line at once."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
