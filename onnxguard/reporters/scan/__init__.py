"""A run of the scan becomes text, a module a format."""
