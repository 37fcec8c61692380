"""Files that a reader, or a start after a kill, finds whole or not at all."""

import os
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write aside and rename, so that whoever reads meanwhile sees the old content or the new, never half."""
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)


def place(partial: Path, path: Path) -> None:
    """Give a finished file its name; its content and its name survive a power cut from then on."""
    _sync(partial)
    partial.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
