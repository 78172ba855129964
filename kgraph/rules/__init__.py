"""Rule checkers, one file a rule, found by walking the categories."""
