"""seeknal: make for tables. The public authoring interface is `seeknal.pipeline`; the command is `seeknal`."""

__version__ = "0.1.0"
