"""What pencil and paper say of gradients in deep networks: the chain of single neurons, eq. 124, and mean fields.

Arrays and generators in, values out; this floor knows no files, no clock, and prints nothing.
"""
