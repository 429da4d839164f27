"""Reads what the person wrote: files -> declarations -> nodes. Never runs project code, never opens data."""
