"""The category tree: nodes, paths, leaves."""
