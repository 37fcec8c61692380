"""Documents by keyed content hash, encrypted, in any folder or object store that fsspec reaches."""

import contextlib
import os
import uuid
from dataclasses import dataclass

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs

from contracts.errors import LedgerError
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
            if self.fs.exists(path):
                return name
            self.fs.makedirs(self.fs._parent(path), exist_ok=True)
            with self.fs.open(partial, "wb") as file:
                file.write(self.keyring.seal(content, name))
                file.flush()
                with contextlib.suppress(AttributeError, OSError):  # object stores have no descriptor to sync
                    os.fsync(file.fileno())
            self.fs.mv(partial, path)
        except OSError as fault:
            raise LedgerError("blob_not_stored", type(fault).__name__, retryable=True) from None
        return name

    def get(self, name: str) -> bytes:
        """Return the content. Raises LedgerError when it is missing."""
        try:
            return self.keyring.open(self.fs.cat_file(self._path(name)), name)
        except FileNotFoundError:
            raise LedgerError("blob_missing", name[:12]) from None
