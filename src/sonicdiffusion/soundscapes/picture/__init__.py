"""The pictures of Soundscapes: a lit landscape in which the events of a scene happen."""
