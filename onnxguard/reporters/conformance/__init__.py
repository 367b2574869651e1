"""A conformance run becomes text, a module a format."""
