"""From what people decided to better models."""
