"""The pages of deployments: what runs where, what waits, and each deployment."""
