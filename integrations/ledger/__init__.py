"""The SQL truth that nothing else can rebuild."""
