"""Parity reports become text, a module a format."""
