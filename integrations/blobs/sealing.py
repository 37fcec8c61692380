"""Encryption at rest: AES-256-GCM with named keys, and keyed hashes for names that leak nothing."""

import hashlib
import hmac
import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contracts.errors import ConfigurationError, ConfigurationFault

NONCE_BYTES = 12  # NIST SP 800-38D, section 5.2.1.1: 96-bit nonces
HEADER = b"WF1"


@dataclass(frozen=True)
class Keyring:
    """Keys by id. New data is sealed with `current`; older keys stay to open what they sealed."""

    current: str
    keys: dict[str, bytes] = field(repr=False)
    naming_key: bytes = field(repr=False)

    def seal(self, plain: bytes, purpose: str) -> bytes:
        """Return header, key id, nonce and ciphertext; `purpose` is bound in, so that values can't be swapped."""
        kid, nonce = self.current.encode(), os.urandom(NONCE_BYTES)
        sealed = AESGCM(self.keys[self.current]).encrypt(nonce, plain, purpose.encode() + b"|" + kid)
        return HEADER + bytes([len(kid)]) + kid + nonce + sealed

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """Return the plain bytes. Raises ConfigurationError when the key is gone or the bytes were changed."""
        end = 4 + (sealed[3] if len(sealed) > 3 else 0)
        if sealed[:3] != HEADER or len(sealed) < end + NONCE_BYTES:
            raise ConfigurationError(ConfigurationFault.NOT_SEALED, purpose)
        kid, nonce, body = sealed[4:end], sealed[end : end + NONCE_BYTES], sealed[end + NONCE_BYTES :]
        key = self.keys.get(kid.decode(errors="replace"))
        if key is None:
            raise ConfigurationError(ConfigurationFault.KEY_LOST, f"no key named {kid!r}")
        try:
            return AESGCM(key).decrypt(nonce, body, purpose.encode() + b"|" + kid)
        except (InvalidTag, ValueError):
            raise ConfigurationError(ConfigurationFault.CHANGED_AT_REST, purpose) from None

    def name(self, *parts: str) -> str:
        """Return a keyed hash (40 hex digits) of the parts: an identifier that outsiders can't guess from."""
        return hmac.new(self.naming_key, "\x1f".join(parts).encode(), hashlib.sha256).hexdigest()[:40]

    def name_bytes(self, content: bytes) -> str:
        """Return the keyed hash (64 hex digits) that names a blob of this content."""
        return hmac.new(self.naming_key, content, hashlib.sha256).hexdigest()
