"""Layers trained one by one, each to reconstruct what lies below it: arrays in, arrays out."""
