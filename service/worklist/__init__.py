"""The care team's pages and the way of a decision into its case."""
