"""A disk whose power can be cut: ext4 on a loop file, shut down without flushing its journal.

A killed process proves little about durability, since the kernel still writes what it had in memory. Here the file
system is stopped first (`EXT4_IOC_SHUTDOWN`, as the kernel's own tests do), so that only what was fsynced is there
when it is mounted again.
"""

import fcntl
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN, fs/ext4/ext4.h: _IOR('X', 125, __u32)
WITHOUT_JOURNAL = struct.pack("I", 2)  # EXT4_GOING_FLAGS_NOLOGFLUSH: not even the journal's buffer is written
BUSY_S = 10.0
TOOLS = ("mkfs.ext4", "mount", "umount")


class Disk:
    """Mounted at `folder`; at most `megabytes` fit."""

    def __init__(self, image: Path, folder: Path, megabytes: int) -> None:
        self.image, self.folder = image, folder
        folder.mkdir(parents=True, exist_ok=True)
        with image.open("wb") as file:
            file.truncate(megabytes * 1024 * 1024)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", str(image))
        self.mount()

    def mount(self) -> None:
        """Mount, at first or after a cut: ext4 replays what its journal has on the disk."""
        _run("mount", "-o", "loop", str(self.image), str(self.folder))

    def cut(self) -> None:
        """Stop the file system as a power cut would. End the processes that hold its files, then `unmount`."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, SHUTDOWN, WITHOUT_JOURNAL)
        finally:
            os.close(descriptor)

    def unmount(self) -> None:
        """Unmount; processes that were just killed may hold it a moment longer."""
        end = time.monotonic() + BUSY_S
        while True:
            try:
                return _run("umount", str(self.folder))
            except subprocess.CalledProcessError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)


def unavailable() -> str | None:
    """Return why no disk can be made and cut here, or None."""
    if os.geteuid() != 0:
        return "only root can mount a disk"
    lacking = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"{', '.join(lacking)} not installed" if lacking else None


@contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[Disk]:
    """Make a disk beside `folder`, mounted there; it is gone when the block ends."""
    made = Disk(folder.with_suffix(".img"), folder, megabytes)
    try:
        yield made
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)
        made.image.unlink()


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True, timeout=30)
