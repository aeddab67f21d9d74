"""The program `sonicdiffusion`: finds the command, and turns every foreseen failure into one sentence."""

import io
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from sonicdiffusion._version import __version__
from sonicdiffusion.cli import (
    ablate,
    animate,
    cache,
    compare,
    convert,
    convert_weights,
    edit,
    embed,
    evaluate,
    generate,
    info,
    prepare,
    recipe,
    soundscapes,
    train,
    verify,
)
from sonicdiffusion.errors import ConfigError, SonicDiffusionError

app = typer.Typer(
    name="sonicdiffusion",
    help="Sound as a control for image diffusion models: a recording becomes a picture.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

# A new command: one file in this folder, one line here. Nothing heavy may be imported before the command runs.
app.command("generate")(generate.generate)
app.command("edit")(edit.edit)
app.command("animate")(animate.animate)
app.command("soundscapes")(soundscapes.soundscapes)
app.command("info")(info.info)
app.command("prepare")(prepare.prepare)
app.command("cache")(cache.cache)
app.command("recipe")(recipe.recipe)
app.add_typer(train.app, name="train")
app.command("evaluate")(evaluate.evaluate)
app.command("compare")(compare.compare)
app.command("ablate")(ablate.ablate)
app.command("embed")(embed.embed)
app.command("convert")(convert.convert)
app.command("convert-weights")(convert_weights.convert_weights)
app.command("verify")(verify.verify)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"sonicdiffusion {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Sound as a control for image diffusion models: a recording becomes a picture."""


def _prepare_streams() -> None:
    """See to it that printing cannot fail for what is printed, or for where."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # started with it closed, as by `>&-`
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):  # a file's name need not be valid text
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 misused, 130 stopped."""
    _prepare_streams()
    try:
        app()
        code = 0
    except SystemExit as exit_:
        code = exit_.code
        if code == 130:  # typer has taken the interrupt already
            print("Stopped.", file=sys.stderr)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        code = 130
    except SonicDiffusionError as error:
        print(error, file=sys.stderr)
        code = 2 if isinstance(error, ConfigError) else 1
    except BrokenPipeError:
        code = 1
    except OSError as error:  # a full disk, a folder without permission
        where = f" '{error.filename}'" if error.filename else ""
        print(f"Cannot read or write{where}: {error.strerror or error}.", file=sys.stderr)
        code = 1
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has gone; closing must not complain again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


if __name__ == "__main__":
    main()
