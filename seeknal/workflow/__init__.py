"""Import paths that projects written for the existing tool use; everything else of a node is in `seeknal.pipeline`."""
