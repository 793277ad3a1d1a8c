"""Hydra: the wiring on top of the apps, and the floor below them."""
