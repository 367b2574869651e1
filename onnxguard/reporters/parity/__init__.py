"""Reports of parity."""
