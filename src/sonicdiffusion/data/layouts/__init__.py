"""Ways in which sources of clips are laid out on disk, one a file."""
