"""Measures on arrays: distances between distributions, intervals, rank correlations, diversity."""
