"""What differs between two models becomes text, a module a format."""
