"""Edit pictures whose true edit is known, and lay them side by side: before, three strengths, the truth."""

import sys
from dataclasses import replace

import numpy as np
from PIL import Image

from sonicdiffusion import EditPipeline, paint, sample_scene, synthesise

SCENES = [("raining", "mountains"), ("fire_crackling", "desert"), ("waves", "village"), ("waterfall_burbling", "coast")]

pipeline = EditPipeline.from_pretrained("mini")
rows = []
for index, (event, place) in enumerate(SCENES):
    scene = sample_scene(36_000_000 + index, event=event, place=place)
    before = paint(replace(scene, events=())).image
    photo, sound = pipeline.prepare(before), synthesise(scene)
    edits = [np.asarray(photo.edit(sound, edit_strength=strength).images[0]) for strength in (0.3, 0.5, 0.8)]
    rows.append(np.concatenate([before, *edits, paint(scene).image], axis=1))
Image.fromarray(np.concatenate(rows)).resize((1280, 1024), Image.Resampling.LANCZOS).save(sys.argv[1])
