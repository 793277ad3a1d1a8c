"""A bare DRF project, as fast as one is served here: what Hydra's rates are measured against."""
