"""Measures on arrays: distances between sets, agreement, similarity, diversity, rank correlations, intervals."""
