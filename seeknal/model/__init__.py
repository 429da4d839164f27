"""The pure core: data in, data out. Imports the standard library and blake3, nothing else; no I/O, no clock."""
