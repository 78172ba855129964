"""Rules on what a model file holds: what would happen if Keras loaded it."""
