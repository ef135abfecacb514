"""Grids of runs: axes, plan, jobs, and the executors that train them."""
