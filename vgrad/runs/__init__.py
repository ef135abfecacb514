"""The laboratory: configs, the training loop, run directories, and what runs them."""
