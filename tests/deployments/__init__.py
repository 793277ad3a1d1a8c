"""What happens to deployments."""
