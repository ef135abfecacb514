"""How pictures look and how they become files: knows no run."""
