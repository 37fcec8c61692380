"""What crosses a boundary: pure, frozen, versioned types."""
