"""Where events come in, and the loops that watch the ledger."""
