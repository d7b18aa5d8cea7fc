"""HTTP before the gateway: JSON, forms, pages as they come, and jobs, for callers without gRPC."""
