"""What a paper claims of an experiment (orderings, bounds, constancy, slopes, theory), and tests of it over seeds."""
