"""Where programs of models run."""
