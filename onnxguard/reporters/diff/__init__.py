"""What differs between two models, and what commits do to all of them."""
