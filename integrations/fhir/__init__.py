"""FHIR R4: client, notifications, subscriptions, and what we write."""
