"""The figure of a paper: values of runs against a swept config key, with lines for the next keys, or as a heat map."""
