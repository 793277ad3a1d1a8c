"""The pages of organizations, accounts and the settings."""
