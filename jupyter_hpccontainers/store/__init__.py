"""The one database: job rows, events, retention."""
