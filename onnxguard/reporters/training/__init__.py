"""Cards, evaluations and ablations."""
