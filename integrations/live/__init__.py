"""What may be lost: the stream of changed cases in Redis."""
