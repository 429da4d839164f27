"""`postgres` is `postgresql` under another name."""

from seeknal.connectors.postgresql import CONNECTED, CONNECTION, EXTRA, NAME, OPTIONS, SECRET, checked, options

__all__ = ["CONNECTED", "CONNECTION", "EXTRA", "NAME", "OPTIONS", "SECRET", "checked", "options"]
