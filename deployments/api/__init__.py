"""Native routes of projects, deployments, versions and webhooks: whatever shows what runs where."""
