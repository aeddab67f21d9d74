"""Soundscapes, the procedural paired world of pictures, sounds and captions."""
