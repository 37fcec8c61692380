"""Migrations of the ledger, each a file under `versions/` that is named by the schema version that it leads to."""
