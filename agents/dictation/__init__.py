"""A spoken note becomes a structured one, each item tied to its seconds of audio."""
