"""Training of small networks with few calls: examples side by side, weights and biases in one matrix."""
