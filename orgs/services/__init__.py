"""What happens to organizations and the people in them."""
