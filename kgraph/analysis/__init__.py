"""Pure, memoised functions of a Graph: extents, origins, selections, verdicts."""
