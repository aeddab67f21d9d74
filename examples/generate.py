"""A sound that the bundled model never heard becomes a picture: `python examples/generate.py [OUT.png]`."""

import sys

from sonicdiffusion import GenerationPipeline, sample_scene, synthesise

thunder = synthesise(sample_scene(seed=2_000_000_000, event="thunder"))  # or a path: "storm.wav"
pipeline = GenerationPipeline.from_pretrained("mini")
result = pipeline(thunder, prompt="a village at night", audio_strength=1.0, seed=7)
result.images[0].save(sys.argv[1] if len(sys.argv) > 1 else "thunder.png")
print(result.settings)
