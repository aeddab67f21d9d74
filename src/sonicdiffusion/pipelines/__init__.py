"""Generation of pictures from sound."""
