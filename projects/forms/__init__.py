"""The shapes of what people type about projects and applications. They decide nothing."""
