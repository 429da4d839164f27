"""Environments: lines of generations beside `prod`, over one store."""
