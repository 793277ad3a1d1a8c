"""What `make bench` runs: Hydra's figures, each beside a floor taken in the same run."""
