"""The care team's pages: one router a page."""
