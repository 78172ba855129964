"""Pattern rewriters, one file a pattern, found by walking this package."""
