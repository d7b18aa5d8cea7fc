"""Published models, built and trained anew on this project's data, so that its gains can be told from its data's."""
