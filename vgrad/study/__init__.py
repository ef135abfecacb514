"""Published studies beside our own runs: what was measured, what was published, and whether the two agree."""
