"""The page: one HTML file that holds its style, its script and its data, and asks nothing of a network."""
