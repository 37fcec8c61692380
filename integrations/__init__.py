"""The outside world: FHIR, models, ledger, blobs, the live worklist."""
