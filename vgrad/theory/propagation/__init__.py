"""How signals and errors go through a deep stack of equal layers: fixed points, chi, depth scales, and phases."""
