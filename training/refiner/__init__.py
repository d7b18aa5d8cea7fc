"""The refiners: networks that look again at each candidate of a detector."""
