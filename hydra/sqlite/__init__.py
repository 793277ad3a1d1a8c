"""Django's SQLite for one process with many threads: an engine for the settings."""
