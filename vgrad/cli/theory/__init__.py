"""`vgrad theory`: a file a command, which says its options and what it computes; `theory.py` has the table."""
