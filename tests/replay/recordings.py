"""Recorded histories of made-up cases, and the keys that their values are sealed with."""

from pathlib import Path

from service.process.secrets import Secrets

FOLDER = Path(__file__).parent / "histories"
KEYS = Path(__file__).parent / "keys.json"
HISTORIES = sorted(FOLDER.glob("*.json"))
KEYRING = Secrets.model_validate_json(KEYS.read_text()).keyring()
