"""The method without one of its parts, for each of them: trained alike, and asked the same.

Source: Biner et al. 2024, "SonicDiffusion", for the parts; Yariv et al. 2023, "AudioToken", for the single token.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from sonicdiffusion.config import nearest
from sonicdiffusion.data.prepared import PreparedData
from sonicdiffusion.errors import ConfigError
from sonicdiffusion.evaluation.baselines import draw, kept, model
from sonicdiffusion.evaluation.bench import Bench, Pictures, heard_scenes
from sonicdiffusion.evaluation.contest import Numbers, compared, judged, trials_of
from sonicdiffusion.evaluation.judge import Judge
from sonicdiffusion.evaluation.trials import Contender, Trial
from sonicdiffusion.pipelines.generate import GenerationPipeline
from sonicdiffusion.training.adapter import ADAPTER, SINGLE_TOKEN, AdapterTraining
from sonicdiffusion.training.adapter_recipe import AdapterRecipe
from sonicdiffusion.training.progress import Progress
from sonicdiffusion.training.single_token import WEIGHTS_FILE, load_token_projector, with_token

FULL = "full"


@dataclass(frozen=True)
class Variant:
    """One way to train.

    Args:
        name: of its folder and of its row in the table.
        says: what is different, in a sentence.
        stage1: settings of stage 1 that differ from the recipe.
        stage2: settings of stage 2 that differ from the recipe.
        has_layers: whether there are audio layers; without them a single token stands among those of the text.
    """

    name: str
    says: str
    stage1: Mapping[str, Any] = field(default_factory=dict)
    stage2: Mapping[str, Any] = field(default_factory=dict)
    has_layers: bool = True

    def of(self, recipe: AdapterRecipe) -> AdapterRecipe:
        """Return a recipe with this variant's settings."""
        return replace(
            recipe, stage1=replace(recipe.stage1, **self.stage1), stage2=replace(recipe.stage2, **self.stage2)
        )


VARIANTS = (
    Variant(FULL, "The recipe as it is."),
    Variant("no_infonce", "Stage 1 without InfoNCE.", stage1={"contrast_weight": 0.0}),
    Variant("no_mse", "Stage 1 without the error to the text tokens.", stage1={"caption_weight": 0.0}),
    Variant("no_token_weighting", "Stage 1 with all text tokens weighing alike.", stage1={"caption_tokens": 0.0}),
    Variant("no_gates", "Stage 2 with all gates fixed at 1.", stage2={"gates": "open"}),
    Variant(
        "all_blocks", "Audio layers in every block, not in the middle and the up path alone.", stage2={"sites": "all"}
    ),
    Variant("published_projector", "A projector whose last block alone counts.", stage1={"residual": "published"}),
    Variant("single_token", "No audio layers: one audio token among those of the text.", has_layers=False),
)


def choose_variants(only: list[str] | None) -> list[Variant]:
    """Return the variants of these names, or all; the full method is always one, since the others are compared with it.

    Raises:
        ConfigError: if a name is unknown.
    """
    names = [variant.name for variant in VARIANTS]
    for name in only or ():
        if name not in names:
            raise ConfigError(f"There is no variant {name!r}. {nearest(name, names)}")
    return [variant for variant in VARIANTS if not only or variant.name in (*only, FULL)]


def train_variant(variant: Variant, data: PreparedData, recipe: AdapterRecipe, folder: Path) -> Iterator[Progress]:
    """Train a variant, from where it was stopped; the features must be there.

    Args:
        variant: which.
        data: as `sonicdiffusion prepare` has made it.
        recipe: of the full method.
        folder: where checkpoints and the result go.

    Raises:
        ConfigError: if the folder holds a run by another recipe or on other data.
        MissingFileError: if the features are not there.
    """
    training = AdapterTraining(data, variant.of(recipe), folder)
    if not variant.has_layers:
        yield from training.single_token()
        return
    yield from training.stage1()
    yield from training.stage2()


def measure_variants(
    variants: Sequence[Variant],
    recipe: AdapterRecipe,
    folder: Path,
    judge: Judge,
    num_pictures: int,
    device: torch.device | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> Numbers:
    """Ask trained variants the same, and compare each with the first of them.

    Args:
        variants: the full method first; each trained in its folder below `folder`.
        recipe: of the full method.
        folder: of all variants.
        judge: tells what the pictures show.
        num_pictures: of each variant.
        device: where the networks go; chosen by itself if left out.
        on_progress: as of `Bench`.

    Returns:
        The numbers of `compared`, by variant, with what each says.

    Raises:
        MissingFileError: if a variant is not trained.
    """
    scenes = heard_scenes(num_pictures)
    trials, found = trials_of(scenes), {}
    for variant in variants:
        # The single token hears by the encoder of the full method, which all have in common.
        adapter = folder / (variant.name if variant.has_layers else FULL) / ADAPTER
        pipeline = GenerationPipeline.from_pretrained(recipe.base, adapter=adapter, device=device)
        show = None if on_progress is None else partial(_tell, on_progress, variant.name)
        bench = Bench(pipeline, judge, num_pictures, on_progress=show)
        contender = model if variant.has_layers else single_token(folder / variant.name / SINGLE_TOKEN)
        found[variant.name] = judged(bench, scenes, contender(bench, trials))
    numbers = compared(judge, scenes, found)
    return {variant.name: {"says": variant.says, **numbers[variant.name]} for variant in variants}


def single_token(folder: Path) -> Contender:
    """Return what draws by one audio token among those of the prompt, from its folder."""
    projector = load_token_projector(folder)
    digest = hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()

    def answer(bench: Bench, trials: Sequence[Trial]) -> Pictures:
        parts = bench.pipeline.components
        projector.to(bench.pipeline.device)
        null = with_token(parts.encode_text([""]), projector.null_tokens())

        def make(some: Sequence[Trial]) -> Pictures:
            heard = torch.cat([bench.pipeline.embed_sound(trial.sound) for trial in some])
            tokens = with_token(parts.encode_text([trial.prompt for trial in some]), projector(heard))
            return draw(bench.pipeline, tokens, null, [trial.seed for trial in some])

        return kept(bench, "single token", trials, make, digest)

    return answer


def _tell(on_progress: Callable[[str, int, int], None], name: str, doing: str, done: int, total: int) -> None:
    on_progress(f"{name}: {doing}", done, total)
