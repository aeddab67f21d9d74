"""Draw a sheet of the world: `python -m sonicdiffusion.soundscapes --out sheet.png`.

Each row is an event, each pair of columns a scene: its picture, and the spectrogram of its sound.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from sonicdiffusion.audio.spectrogram import spectrogram_picture
from sonicdiffusion.soundscapes.picture.paint import paint
from sonicdiffusion.soundscapes.scene import EVENTS, PLACES, TIMES, Event, Scene
from sonicdiffusion.soundscapes.sound.synthesis import synthesise


def draw_sheet(columns: int, first_seed: int, size: int) -> np.ndarray:
    """Return the sheet, uint8 (rows, columns, 3); places, times and intensities vary from column to column."""
    rows = []
    for row, name in enumerate(EVENTS):
        tiles = []
        for column in range(columns):
            event = Event(name, 0.2 + 0.8 * ((3 * column + 1) % 7) / 6)
            place, time = PLACES[(column + row) % len(PLACES)], TIMES[(column + 1) % len(TIMES)]
            scene = Scene(place, time, (event,), first_seed + 100 * row + column)
            tiles += [paint(scene, size=size).image, spectrogram_picture(synthesise(scene), size // 2, size)]
        rows.append(np.concatenate(tiles, axis=1))
    return np.concatenate(rows)


def main(arguments: list[str] | None = None) -> None:
    """Draw the sheet that `arguments`, or else the command line, ask for."""
    parser = argparse.ArgumentParser(
        prog="python -m sonicdiffusion.soundscapes", description="Draw a sheet of the world."
    )
    parser.add_argument("--out", type=Path, default=Path("soundscapes.png"))
    parser.add_argument("--columns", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=128)
    options = parser.parse_args(arguments)
    if options.columns < 1 or options.seed < 0 or not 16 <= options.size <= 4096:
        parser.error(
            f"got {options.columns} columns, seed {options.seed} and size {options.size}; expected at least 1 column, "
            "a seed of at least 0 and a size from 16 to 4096 pixels"
        )
    refusal = f"cannot write '{options.out}': name a file that ends in .png, in an existing folder"
    if not cv2.haveImageWriter(str(options.out)) or not options.out.parent.is_dir():
        parser.error(refusal)
    sheet = draw_sheet(options.columns, options.seed, options.size)
    if not cv2.imwrite(str(options.out), sheet[..., ::-1]):
        parser.error(refusal)
    print(f"The sheet is in {options.out}.")


if __name__ == "__main__":
    main()
