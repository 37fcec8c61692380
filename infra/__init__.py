"""Starting the local parts; no product code."""
