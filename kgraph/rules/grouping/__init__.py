"""Rules on branches that a model groups by hand."""
