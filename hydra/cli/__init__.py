"""The `hydra` command."""
