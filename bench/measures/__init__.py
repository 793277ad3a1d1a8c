"""One module per measure: each takes a running Hydra and adds its figures to the sheet."""
