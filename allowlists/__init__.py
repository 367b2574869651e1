"""The registry: one reviewed YAML allowlist a file, named by its id."""
