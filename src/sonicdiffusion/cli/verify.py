"""`sonicdiffusion verify`: whether all holds with your weights on your machine."""

from pathlib import Path
from typing import Annotated

import typer


def verify(
    model: Annotated[str, typer.Option(help="A bundled model, a folder or a hub id.")] = "mini",
    adapter: Annotated[str | None, typer.Option(help="The audio adapter, if not the model's own.")] = None,
    size: Annotated[int | None, typer.Option(min=16, max=4096, help="Side in pixels; the model's own.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, max=1000, help="Sampling steps; the model's own.")] = None,
    device: Annotated[str | None, typer.Option(help="cuda, mps or cpu; chosen by itself if left out.")] = None,
    out: Annotated[Path, typer.Option(help="New folder for report and pictures.")] = Path("verified"),
) -> None:
    """Check a model and its adapter on this machine, and write a report to compare or to send back.

    Made for those who have real weights and GPUs: the report says what has never been run where this was written.
    """
    from rich.console import Console
    from transformers.utils import logging

    from sonicdiffusion.evaluation.verify import NEVER_RUN, verify
    from sonicdiffusion.models.folders import new_folder, write_settings
    from sonicdiffusion.pipelines.generate import GenerationPipeline
    from sonicdiffusion.pipelines.picture_files import PictureFolder

    logging.disable_progress_bar()  # of reading weights; downloads keep theirs
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    with new_folder(out) as folder, console.status("loading") as status:
        pipeline = GenerationPipeline.from_pretrained(model, adapter=adapter, device=device)
        found = verify(pipeline, size=size, num_steps=steps, on_progress=lambda doing: status.update(doing))
        pictures = PictureFolder(folder)
        pictures.save(found.pictures, "picture", {"seeds": list(range(len(found.pictures))), "model": Path(model).name})
        pictures.save_sheet(3)
        report = {"facts": found.facts, "checks": found.checks, "numbers": found.numbers, "never_run_by_us": NEVER_RUN}
        write_settings(folder / "report.json", report)
    for name, held in found.checks.items():
        print(f"{'ok  ' if held else 'FAIL'}  {name}")
    numbers = found.numbers
    with_sound, without = numbers["seconds_with_sound"], numbers["seconds_without_sound"]
    print(
        f"{numbers['seconds_to_hear_a_clip']:.2f} s to hear a clip; then {with_sound:.2f} s a picture with sound, "
        f"{without:.2f} s without (ratio {numbers['time_with_sound_to_without']:.3f}, median of pairs)."
    )
    print(
        f"A UNet evaluation takes {numbers['unet_flops_with_sound_to_without'] - 1:.1%} more operations with sound; "
        f"{numbers['peak_memory_gigabytes']:.2f} GB of memory at the most."
    )
    print("Never run where this was written, so your report tells more than ours:")
    print("\n".join(f"  - {what}" for what in NEVER_RUN))
    print(f"Report and pictures are in {out}; please send report.json with what you saw, good or bad.")
    if not all(found.checks.values()):
        raise typer.Exit(1)
