"""The ink of a stamp, told from its paper and from other ink."""
