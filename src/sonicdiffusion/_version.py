"""The version of sonicdiffusion, kept here alone."""

__version__ = "0.1.0"
