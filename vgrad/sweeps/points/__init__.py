"""The points of a sweep: axes, named variants, samples, and the grid that they span."""
