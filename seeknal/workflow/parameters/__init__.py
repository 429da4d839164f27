"""Parameters of a run, for code that has no context at hand."""
