"""Image references, what is local, and how to fetch what is not."""
