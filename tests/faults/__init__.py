"""What happens when processes die and connections break. Real processes, real sockets."""
