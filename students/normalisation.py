"""What the students' input is normalised with."""

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
"""Of ImageNet's channels R, G, B in 0..1, as torchvision normalises."""
