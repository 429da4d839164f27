"""`jsonl` is `json` under another name: DuckDB sees for itself which of the two a file is."""

from seeknal.connectors.json import NAME, OPTIONS, names_query, options, query

__all__ = ["NAME", "OPTIONS", "names_query", "options", "query"]
