"""One model, judged."""
