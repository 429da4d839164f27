"""Pictures: data in, the text of one self-contained HTML page out. No network, no clock, no disk but this package's own files.

Decides how a run (`timings`) and a project (`lineage`, with what is known of its quality) look. What the data says is decided
elsewhere: `model/lineage.py` and `build/facts.py` say what a node is made of, the events of a run say what it did.
"""
