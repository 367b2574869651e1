"""What everybody uses, and what knows nothing of ONNX."""
