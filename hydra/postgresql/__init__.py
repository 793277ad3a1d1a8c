"""Django's PostgreSQL for requests that come one after the other: an engine for the settings."""
