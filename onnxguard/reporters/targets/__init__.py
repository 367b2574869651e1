"""What targets make of models."""
