"""Text made safe and laid out, whatever it says: knows no run."""
