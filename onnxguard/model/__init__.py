"""From bytes to a surveyed graph and its facts."""
