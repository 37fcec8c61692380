"""Independent calculators."""
