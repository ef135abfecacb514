"""The outcome of a study told: its table, words, pictures and page."""
