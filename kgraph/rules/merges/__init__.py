"""Rules on elementwise merges."""
