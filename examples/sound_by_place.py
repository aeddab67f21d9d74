"""The sheet of the README, a row a sound, a column a place: `python examples/sound_by_place.py OUT.png`."""

import sys

from PIL import Image

from sonicdiffusion import Event, GenerationPipeline, Scene, synthesise
from sonicdiffusion.soundscapes.scene import EVENTS, PLACES

FIRST_SEED = 2_000_100_000

pipeline = GenerationPipeline.from_pretrained("mini")
sheet = Image.new("RGB", (128 * len(PLACES), 128 * len(EVENTS)))
for row, name in enumerate(EVENTS):
    sound = synthesise(Scene("meadow", "day", (Event(name, 0.8),), FIRST_SEED + row))
    prompts = [f"a {place}" if place not in ("mountains", "arctic") else f"the {place}" for place in PLACES]
    for column, picture in enumerate(pipeline([sound] * len(PLACES), prompts, seed=FIRST_SEED + row).images):
        sheet.paste(picture, (128 * column, 128 * row))
sheet.save(sys.argv[1] if len(sys.argv) > 1 else "sound_by_place.png")
