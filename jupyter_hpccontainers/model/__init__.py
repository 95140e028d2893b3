"""The words: frozen data, no input or output."""
