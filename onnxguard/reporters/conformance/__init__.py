"""What a conformance run found, and what changed between two."""
