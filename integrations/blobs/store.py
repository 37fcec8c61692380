"""Documents by keyed content hash, encrypted, in any folder or object store that fsspec reaches."""

import os
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs

from contracts.errors import LedgerError, LedgerFault
from integrations.blobs.sealing import Keyring


@dataclass(frozen=True)
class BlobStore:
    """A blob's name is the keyed hash of its content, so writing twice is writing once."""

    fs: AbstractFileSystem
    root: str
    keyring: Keyring

    @classmethod
    def at(cls, url: str, keyring: Keyring) -> "BlobStore":
        """Return the store at a folder's path or an fsspec URL."""
        fs, root = url_to_fs(url)
        return cls(fs, root, keyring)

    def _path(self, name: str) -> str:
        return f"{self.root}/{name[:2]}/{name}"

    def put(self, content: bytes) -> str:
        """Store and fsync; return the blob's name. Raises LedgerError when it can't be kept."""
        name = self.keyring.name_bytes(content)
        path = self._path(name)
        partial = f"{path}.{uuid.uuid4().hex}"
        try:
            if self.fs.exists(path) and (self.fs.size(path) or 0) > len(content):  # else it was cut short: mend it
                return name
            self.fs.makedirs(self.fs._parent(path), exist_ok=True)
            with self.fs.open(partial, "wb") as file:
                file.write(self.keyring.seal(content, name))  # pyright: ignore[reportArgumentType] - opened as binary
                file.flush()
                with suppress(AttributeError):  # an object store has no descriptor to sync
                    os.fsync(file.fileno())
            self.fs.mv(partial, path)
            _sync_folder(self.fs._parent(path))
        except OSError as fault:
            with suppress(OSError):  # on a full disk the halves would keep it full
                self.fs.rm_file(partial)
            raise LedgerError(LedgerFault.BLOB_NOT_STORED, type(fault).__name__, retryable=True) from None
        return name

    def missing(self, names: Iterable[str]) -> set[str]:
        """Return those that are not here."""
        return {name for name in names if not self.fs.exists(self._path(name))}

    def get(self, name: str) -> bytes:
        """Return the content.

        Raises LedgerError where it is missing or can't be read at the moment, ConfigurationError where no key opens it.
        """
        try:
            sealed = self.fs.cat_file(self._path(name))
            return self.keyring.open(sealed, name)  # pyright: ignore[reportArgumentType] - bytes, unless asked for text
        except FileNotFoundError:
            raise LedgerError(LedgerFault.BLOB_MISSING, name[:12]) from None
        except OSError as fault:
            raise LedgerError(LedgerFault.BLOB_NOT_READ, type(fault).__name__, retryable=True) from None


def _sync_folder(folder: str) -> None:
    """Make a new name durable; an object store has no folders."""
    with suppress(FileNotFoundError, NotADirectoryError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
