"""A repository of models: its manifest, its lock, and the check of all of it."""
