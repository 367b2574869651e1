"""What runs a graph, for parity, conformance and gating."""
