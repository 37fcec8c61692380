"""The model that every type in this folder extends: immutable, strict about unknown fields."""

import hashlib

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """An immutable value; unknown fields are refused, so that a misspelt one can't be lost."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    def canonical(self) -> bytes:
        """Return the bytes that hashes and signatures are taken over (fields in declared order)."""
        return self.model_dump_json().encode()

    def sha256(self) -> str:
        """Return the hex SHA-256 of `canonical`."""
        return hashlib.sha256(self.canonical()).hexdigest()
