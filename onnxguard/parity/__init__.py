"""Parity: an exported graph against the PyTorch module that it came from.

load both sides -> run them on the same inputs -> compare -> doubt -> node by node -> report
"""
