"""Rules on how calls fit together."""
