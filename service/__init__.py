"""The processes we run."""
