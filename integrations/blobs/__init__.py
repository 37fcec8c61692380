"""Encrypted, content-addressed documents."""
