"""A data set and a pipeline become numbers with intervals."""
