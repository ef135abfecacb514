"""The commands that keep runs: tags, what of them can go, and what they have learned."""
