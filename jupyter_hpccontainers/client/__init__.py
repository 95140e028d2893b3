"""How every door reaches the engine, or starts it."""
