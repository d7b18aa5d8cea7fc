"""Items from many callers to batches for few executors; knows neither gRPC nor models."""
