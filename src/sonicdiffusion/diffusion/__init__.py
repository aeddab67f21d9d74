"""Noise, guidance and sampling arithmetic; pure computation without networks."""
