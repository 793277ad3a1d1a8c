"""What happens to deployments: how they are asked for, carried out, ended and told of."""
