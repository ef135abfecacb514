"""vgrad measures how fast each layer of a neural network learns, and why the early ones stop."""

__version__ = "0.1.0"
