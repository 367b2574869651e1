"""What reporters of every kind are made of."""
