"""The durable processes."""
