"""What a workflow may ask the world to do; thin and idempotent."""
