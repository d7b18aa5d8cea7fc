"""What the services share: batching, executors, server, health, metrics, settings, errors. Knows nothing of stamps."""
