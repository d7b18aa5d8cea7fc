"""The Open Inference Protocol v2 for the models of a process: tensors in, tensors out."""
