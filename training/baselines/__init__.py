"""Published models, reimplemented and trained on this project's data, which separates gains of model and of data."""
