"""From accepted events to cases."""
