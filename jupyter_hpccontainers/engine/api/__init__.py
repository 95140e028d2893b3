"""The HTTP API on the engine's socket, as ``openapi.yaml`` describes it: parse, ask, write."""
