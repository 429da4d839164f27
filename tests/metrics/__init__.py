"""Semantic models, metrics and `seeknal query`."""
