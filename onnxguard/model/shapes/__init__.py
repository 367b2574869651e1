"""The shapes of values and what a model costs, as they follow from the graph."""
