"""Encoders, projector, gated attention and their installation into a UNet."""
