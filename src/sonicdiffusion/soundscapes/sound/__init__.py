"""The sounds of Soundscapes: synthesised from physical ideas, recorded through imperfect equipment."""

from sonicdiffusion.soundscapes.sound.events import event_clip
from sonicdiffusion.soundscapes.sound.synthesis import synthesise

__all__ = ["event_clip", "synthesise"]
