"""One package per pathway, from frozen chart facts to a suggestion."""
