"""The keys of a state folder, `keys.json`, and which process uses which.

Every process and the command line read the whole file: each appends to an audit chain of its own (`audit_key`) and
opens what was sealed (`seal_keys`). Decisions are signed by the worklist and the heads of the audit by the gateway
(`decision_key`); the cookies of the pages are the worklist's (`session_key`).
"""

import json
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr, ValidationError

from contracts.errors import ConfigurationError, ConfigurationFault
from contracts.frozen import Frozen
from integrations.blobs.sealing import Keyring
from service.process.settings import first_fault

FILE = "keys.json"


class Secrets(Frozen):
    """Made at the first start; the file is readable by its owner only."""

    seal_key_id: str
    seal_keys: dict[str, SecretStr]
    naming_key: SecretStr
    audit_key: SecretStr
    decision_key: SecretStr
    session_key: SecretStr
    feed_secret: SecretStr
    fhir_token: SecretStr

    def keyring(self) -> Keyring:
        """Return the keys that seal payloads, blobs and event bodies."""
        keys = {kid: bytes.fromhex(key.get_secret_value()) for kid, key in self.seal_keys.items()}
        return Keyring(self.seal_key_id, keys, bytes.fromhex(self.naming_key.get_secret_value()))

    def session_keyring(self) -> Keyring:
        """Return the key of the pages' cookies: a new one signs everybody out, and touches nothing else."""
        key = {"s1": bytes.fromhex(self.session_key.get_secret_value())}
        return Keyring("s1", key, bytes.fromhex(self.naming_key.get_secret_value()))

    def signer(self) -> Ed25519PrivateKey:
        """Return the key that signs decisions."""
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self.decision_key.get_secret_value()))

    def verify_key(self) -> str:
        """Return the hex public key that decisions are checked with."""
        return self.signer().public_key().public_bytes_raw().hex()

    def head_signer(self) -> Ed25519PrivateKey:
        """Return the key that signs heads of the audit chains, which another host checks with its public half.

        Derived from the key of decisions, so that older keys.json have it, and apart from it, so that neither's
        signature can stand for the other's.
        """
        seed = HKDF(SHA256(), 32, None, b"wardflow audit heads").derive(
            bytes.fromhex(self.decision_key.get_secret_value())
        )
        return Ed25519PrivateKey.from_private_bytes(seed)

    def audit_bytes(self) -> bytes:
        """Return the key of the audit chains."""
        return bytes.fromhex(self.audit_key.get_secret_value())


def load_secrets(state: Path) -> Secrets:
    """Return the secrets of this state folder. Raises ConfigurationError, which never shows them."""
    path = state / FILE
    try:
        return Secrets.model_validate_json(path.read_text())
    except FileNotFoundError:
        raise ConfigurationError(
            ConfigurationFault.NOT_STARTED, f"{path} is missing: start with `wardflow up`"
        ) from None
    except ValueError as fault:
        said = first_fault(fault) if isinstance(fault, ValidationError) else "can't be read"
        raise ConfigurationError(ConfigurationFault.SETTING, f"{path}: {said}", setting="secrets") from None


def create_secrets(state: Path) -> None:
    """Make the secrets of a new state folder; existing ones stay."""
    path = state / FILE
    if path.exists():
        return
    names = ("naming_key", "audit_key", "decision_key", "session_key", "feed_secret", "fhir_token")
    made = {"seal_key_id": "k1", "seal_keys": {"k1": secrets.token_hex(32)}}
    content = json.dumps(made | {name: secrets.token_hex(32) for name in names})
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
