"""TODO file."""
