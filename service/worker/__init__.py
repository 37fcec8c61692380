"""The workers: cases, tuning, and the takeover of a deploy."""
