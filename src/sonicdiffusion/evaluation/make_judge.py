"""The bundled judge from nothing: its scenes rendered, its network trained, its weights put into the package.

Run it by `python -m sonicdiffusion.evaluation.make_judge [--recipe RECIPE.toml]`; stop and start it as you like. With
`--measure` the bundled judge stays as it is and is measured again, on the world as it is drawn today. With `--reader`
it learns to read anew, and stays as it is otherwise.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from sonicdiffusion.config import load_recipe
from sonicdiffusion.data.shards import cache_folder
from sonicdiffusion.evaluation.judge import Judge
from sonicdiffusion.evaluation.seeds import JUDGE_TRAINING, JUDGE_VALIDATION
from sonicdiffusion.evaluation.train_judge import JudgeRecipe, measure_judge, render_judge_scenes, train_judge
from sonicdiffusion.evaluation.train_reader import ReaderRecipe, train_reader
from sonicdiffusion.soundscapes.scene import WORLD_VERSION
from sonicdiffusion.training.loop import StepRecord


def bundled_judge() -> Path:
    """Return where the judge lies in the package."""
    return Path(str(files("sonicdiffusion"))) / "bundled" / "judge"


def make_judge(
    recipe: JudgeRecipe, folder: Path, target: Path, workers: int | None = None
) -> Iterator[tuple[str, int, int, StepRecord | None]]:
    """Render, train, measure and copy the judge, yielding what is being done, units done, units in all and losses.

    Args:
        recipe: shape and rates.
        folder: where the work lies; an unfinished run there goes on.
        target: where the finished judge is put.
        workers: worker processes that render; one for each processor unless given.
    """
    for first, count in ((JUDGE_VALIDATION.start, recipe.num_validation), (JUDGE_TRAINING.start, recipe.num_scenes)):
        for done, total in render_judge_scenes(count, first, workers):
            yield "rendering scenes", done, total, None
    for record in train_judge(recipe, folder):
        yield "judge", record.step, record.num_steps, record
    target.mkdir(parents=True, exist_ok=True)
    for part in (folder / "judge").iterdir():
        shutil.copy(part, target / part.name)
    yield from teach_reading(folder, target, workers)


def teach_reading(
    folder: Path, target: Path, workers: int | None = None
) -> Iterator[tuple[str, int, int, StepRecord | None]]:
    """Teach a finished judge to read, write that beside it, and yield as `make_judge`."""
    recipe, judge = ReaderRecipe(), Judge.load(target)
    for first, count in ((JUDGE_VALIDATION.start, recipe.num_validation), (JUDGE_TRAINING.start, recipe.num_scenes)):
        for done, total in render_judge_scenes(count, first, workers):
            yield "rendering scenes", done, total, None
    for record in train_reader(recipe, judge, folder / "reader"):
        yield "reader", record.step, record.num_steps, record
    judge.save(target)


def remeasure_judge(
    recipe: JudgeRecipe, target: Path, workers: int | None = None
) -> Iterator[tuple[str, int, int, StepRecord | None]]:
    """Measure a finished judge on freshly rendered scenes, write what came out beside it, and yield as `make_judge`."""
    for done, total in render_judge_scenes(recipe.num_validation, JUDGE_VALIDATION.start, workers):
        yield "rendering scenes", done, total, None
    judge = Judge.load(target)
    measure_judge(judge, recipe.num_validation)
    judge.save(target)


def main() -> None:
    """Make or measure the judge and say how good it is."""
    parser = argparse.ArgumentParser(prog="python -m sonicdiffusion.evaluation.make_judge", description=__doc__)
    parser.add_argument("--recipe", help="a TOML file of its settings")
    parser.add_argument("--measure", action="store_true", help="measure the bundled judge again, and train nothing")
    parser.add_argument("--reader", action="store_true", help="teach the bundled judge to read, and nothing else")
    options = parser.parse_args()
    recipe = load_recipe(options.recipe, JudgeRecipe) if options.recipe else JudgeRecipe()
    target, folder = bundled_judge(), cache_folder() / "runs" / f"judge-of-world-{WORLD_VERSION}"
    if options.measure:
        steps = remeasure_judge(recipe, target)
    elif options.reader:
        steps = teach_reading(folder, target)
    else:
        steps = make_judge(recipe, folder, target)
    for doing, done, total, record in steps:
        if record is None or done % 25 == 0:
            losses = "  ".join(f"{name} {value:.3f}" for name, value in record.losses.items()) if record else ""
            left = f"{record.seconds_left / 60:.0f} min left  " if record else ""
            sys.stderr.write(f"{doing} {done}/{total}  {left}{losses}\n")
    facts = json.loads((target / "config.json").read_text(encoding="utf-8"))
    sys.stdout.write(json.dumps({name: facts[name] for name in ("validation", "reading")}, indent=1) + "\n")


if __name__ == "__main__":
    main()
