"""Cards, evaluations and ablations become text, a module a format of each."""
