"""Addresses of Temporal, Redis, chart and stores, for settings of which a test calls none."""

from typing import Any

PARTS: dict[str, Any] = {
    "temporal": "127.0.0.1:7233",
    "redis_url": "redis://127.0.0.1:6379",
    "fhir_url": "http://127.0.0.1:8080",
    "gateway_port": 8001,
    "worklist_port": 8002,
    "ledger_url": "sqlite://",
    "blobs_url": "/tmp/blobs",
}
