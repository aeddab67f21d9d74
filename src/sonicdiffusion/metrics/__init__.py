"""Scores and intervals on arrays; nothing here loads a network."""
