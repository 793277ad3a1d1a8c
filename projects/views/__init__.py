"""The pages of projects, applications and rules."""
