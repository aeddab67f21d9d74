"""Feature caches for training."""
