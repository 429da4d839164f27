"""Whole projects against what they gave when somebody last looked."""
