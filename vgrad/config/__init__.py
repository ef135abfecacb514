"""What to train: the keys of a config, their checks, their schema and their template."""
