"""What a scan found."""
