"""The one way to run a process: gRPC with health, reflection and metrics; settings, calls, errors."""
