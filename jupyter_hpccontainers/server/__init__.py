"""The door inside Jupyter Server."""
