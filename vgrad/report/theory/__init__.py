"""Mean-field theory beside what was measured at epoch 0: what it expects of a run, and in which networks it held."""
