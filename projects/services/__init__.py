"""What happens to applications and projects."""
