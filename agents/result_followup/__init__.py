"""Laboratory results that ask for something: what they mean together, and how soon someone must act."""
