"""A trained model at work elsewhere: images, folders, videos, ONNX."""
