"""Designs of dies: what is drawn (elements), how it is drawn (raster), and one file for each group of kinds."""
