"""Reading ONNX files, comparing and showing them."""
