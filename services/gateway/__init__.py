"""The door that other teams call: documents in; stamps with boxes, ink masks, vectors and similarities out."""
