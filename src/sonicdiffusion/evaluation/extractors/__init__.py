"""What turns pictures, sounds and texts into the embeddings that metrics compare."""
