"""The engine process: loop, HTTP API on a unix socket, lifetime."""
