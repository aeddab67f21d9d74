"""Draw a sheet of spectrograms, one row an event: `python -m sonicdiffusion.soundscapes.sound --out sheet.png`."""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sonicdiffusion.soundscapes.scene import EVENTS, sample_scene
from sonicdiffusion.soundscapes.sound.synthesis import synthesise
from sonicdiffusion.values import Waveform

_WIDTH, _HEIGHT, _RANGE_DECIBELS = 160, 72, 48.0


def _panel(waveform: Waveform) -> NDArray[np.uint8]:
    """Return a coloured spectrogram over a mel-spaced axis, shape (height, width, 3); bright is loud."""
    size = max(64, waveform.sample_rate // 31)
    frames = np.lib.stride_tricks.sliding_window_view(waveform.samples, size)[:: size // 2]
    power = np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)) ** 2
    mels = np.linspace(0.0, np.log1p(waveform.sample_rate / 2 / 700.0), _HEIGHT)
    bins = np.expm1(mels) * 700.0 * size / waveform.sample_rate
    rows = np.stack([np.interp(bins, np.arange(power.shape[1]), frame) for frame in power], axis=1)[::-1]
    decibels = 10 * np.log10(rows / rows.max() + 1e-9)
    shade = np.clip(255 * (1 + decibels / _RANGE_DECIBELS), 0, 255).astype(np.uint8)
    resized = cv2.resize(shade, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA)
    return cv2.copyMakeBorder(
        cv2.applyColorMap(resized, cv2.COLORMAP_INFERNO), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(90, 90, 90)
    ).astype(np.uint8)


def main(arguments: list[str] | None = None) -> None:
    """Draw the sheet that `arguments`, or else the command line, ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="sounds.png", help="the picture to write")
    parser.add_argument("--columns", type=int, default=8, help="scenes an event")
    parser.add_argument("--seed", type=int, default=0, help="number of the first scene")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each clip")
    options = parser.parse_args(arguments)
    if options.columns < 1 or options.seed < 0 or not 0.1 <= options.seconds <= 60.0:
        parser.error(
            f"got {options.columns} columns, seed {options.seed} and {options.seconds} seconds; expected at least 1 "
            "column, a seed of at least 0 and 0.1 to 60 seconds"
        )
    refusal = f"cannot write '{options.out}': name a file that ends in .png, in an existing folder"
    if not cv2.haveImageWriter(options.out) or not Path(options.out).parent.is_dir():
        parser.error(refusal)
    rows = []
    for name in EVENTS:
        scenes = [sample_scene(options.seed + column, event=name) for column in range(options.columns)]
        row = np.concatenate([_panel(synthesise(scene, duration_seconds=options.seconds)) for scene in scenes], axis=1)
        rows.append(cv2.putText(row, name, (4, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1))
    if not cv2.imwrite(options.out, np.concatenate(rows, axis=0)):
        parser.error(refusal)


if __name__ == "__main__":
    main()
