"""Networks and what is measured on them: arrays in, arrays out. No files, no clock, no printing, no seeds."""
