"""What every process shares: settings, the way to Temporal, health, metrics, logs."""
