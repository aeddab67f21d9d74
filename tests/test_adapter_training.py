"""From prepared data to an adapter that is heard: features, both stages, what is refused."""

import json
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_models import tiny_text_encoder, tiny_tokenizer, tiny_unet
from small_training import small_data, small_recipe

from sonicdiffusion import GenerationPipeline
from sonicdiffusion.data.prepared import PreparedData
from sonicdiffusion.errors import ConfigError, MissingFileError, ModelError
from sonicdiffusion.models.encoders import embed, load_encoder
from sonicdiffusion.models.image_model import ImageModel
from sonicdiffusion.pipelines.preview import Preview
from sonicdiffusion.training.adapter import AdapterTraining
from sonicdiffusion.training.adapter_recipe import AdapterRecipe, adapter_recipes, load_adapter_recipe, recipe_file
from sonicdiffusion.training.augment import square
from sonicdiffusion.training.cached_examples import CachedExamples
from sonicdiffusion.training.dry_run import MadeUpExamples, seconds_per_step
from sonicdiffusion.training.features import FeatureMaker, FeaturePlan, compute_chunk, compute_features

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    return PreparedData(small_data(tmp_path_factory.mktemp("data")))


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SONICDIFFUSION_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def recipe(model: Path) -> AdapterRecipe:
    return small_recipe(model)


@pytest.fixture
def cached(data: PreparedData, recipe: AdapterRecipe, tmp_path: Path) -> AdapterTraining:
    training = AdapterTraining(data, recipe, tmp_path / "run")
    list(training.cache(CPU))
    return training


def test_an_adapter_is_trained_and_heard(
    cached: AdapterTraining, data: PreparedData, model: Path, tmp_path: Path
) -> None:
    looked: list[int] = []
    assert [now.done for now in cached.stage1()] == list(range(1, 7))
    records = list(cached.stage2(lambda _branch, _config, step: looked.append(step)))
    assert [now.record.losses.keys() for now in records if now.record] == [{"noise"}] * 6
    assert looked == []  # unless the recipe asks for it
    assert list(cached.stage1()) == list(cached.stage2()) == [], "what is done is not done again"
    pipeline = GenerationPipeline.from_pretrained(model, adapter=cached.adapter_folder, device="cpu")
    _, sound = next(data.pictures_and_sounds())
    heard, silent = (np.asarray(pipeline(sound, audio_strength=s).images[0], int) for s in (1.0, 0.0))
    assert np.abs(heard - silent).max() > 0
    assert pipeline(sound).settings["num_steps"] == 3
    assert not list((tmp_path / "run").rglob(".*"))


def test_features_are_those_of_the_parts(cached: AdapterTraining, data: PreparedData, recipe: AdapterRecipe) -> None:
    train = data.split("train")
    examples = CachedExamples(cached.plan)
    assert len(examples) == len(train)
    folder = Path(recipe.base)
    model = ImageModel.load(folder, "tiny")
    encoder = load_encoder(folder / "audio_encoder")
    for index, (picture, waveform) in enumerate(train.pictures_and_sounds(0, 5)):
        latents = model.encode_pictures(square(picture, 16)[None])[0]
        assert np.allclose(examples._latents[index, 0], latents.numpy(), atol=2e-3)
        embedding = embed(encoder, waveform, "loudest", CPU)[0]
        assert np.allclose(examples._embeddings[index, 0], embedding.numpy(), atol=1e-5)
        assert not np.allclose(examples._embeddings[index, 0], examples._embeddings[index, 1], atol=1e-4)
    captions = model.encode_text(train.captions)
    indices = np.arange(len(train))
    _, _, tokens = examples.pictures_of_sounds(indices, np.random.default_rng(0))
    assert torch.allclose(tokens, captions, atol=2e-3)
    assert torch.allclose(examples.empty_prompt(), model.encode_text([""]), atol=2e-3)


def test_a_mixture_has_both_captions_and_no_class(
    cached: AdapterTraining, data: PreparedData, recipe: AdapterRecipe
) -> None:
    train, examples = data.split("train"), CachedExamples(cached.plan)
    partners = np.load(cached.plan.folder / "mixed_with.npy")
    indices = np.zeros(60, int)
    _, tokens, classes = examples.sounds_in_words(indices, np.random.default_rng(0))
    assert 5 < (classes == -1).sum() < 40  # one in three
    assert train.captions[partners[0, 0]] != train.captions[0]
    both = ImageModel.load(Path(recipe.base), "tiny").encode_text(
        [f"{train.captions[0]} and {train.captions[partners[0, 0]]}"]
    )
    assert torch.allclose(tokens[int(np.argmin(classes))], both[0], atol=2e-3)


def test_classes_are_labels(cached: AdapterTraining, data: PreparedData) -> None:
    labels = data.split("train").labels
    classes = CachedExamples(cached.plan)._classes
    assert all((classes[i] == classes[j]) == (labels[i] == labels[j]) for i in range(9) for j in range(9))


def test_whatever_features_depend_on_gives_them_another_folder(
    data: PreparedData, recipe: AdapterRecipe, model: Path, tmp_path: Path
) -> None:
    train = data.split("train")

    def changed(part: str, edit: Callable[[Path], None]) -> AdapterRecipe:
        copy = Path(shutil.copytree(model, tmp_path / part))
        edit(copy)
        return replace(recipe, base=str(copy), encoder=str(copy))

    def other_text(folder: Path) -> None:
        torch.manual_seed(9)
        tiny_text_encoder(tiny_tokenizer()).save_pretrained(folder / "text_encoder")

    def other_sound(folder: Path) -> None:
        path = folder / "audio_encoder" / "model.safetensors"
        blob = bytearray(path.read_bytes())
        blob[-3] ^= 1
        path.write_bytes(bytes(blob))

    features = recipe.features
    recipes = [
        recipe,
        replace(recipe, features=replace(features, picture_copies=1)),
        replace(recipe, features=replace(features, seed=1)),
        replace(recipe, features=replace(features, variation=replace(features.variation, gain_db=1.0))),
        replace(recipe, generation=replace(recipe.generation, crop_policy="start")),
        changed("text", other_text),
        changed("sound", other_sound),
    ]
    plans = [FeaturePlan.of(train, one) for one in recipes] + [FeaturePlan.of(data.split("test"), recipe)]
    assert len({plan.folder for plan in plans}) == len(plans)
    same = changed("same", lambda _: None)
    assert FeaturePlan.of(train, same).folder == plans[0].folder
    assert FeaturePlan.of(train, replace(recipe, features=replace(features, batch_size=3))).folder == plans[0].folder


def test_an_interrupted_cache_goes_on_and_is_the_same(
    data: PreparedData, recipe: AdapterRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sonicdiffusion.training.features.CHUNK", 5)
    train = data.split("train")
    made = []
    for name in ("whole", "broken"):
        monkeypatch.setenv("SONICDIFFUSION_CACHE", str(tmp_path / name))
        plan = FeaturePlan.of(train, recipe)
        if name == "broken":
            work = compute_features(plan, train, lambda: FeatureMaker(recipe, CPU))
            for _ in range(3):
                next(work)
            work.close()  # type: ignore[attr-defined]
            assert not plan.is_done
            compute_chunk(plan, train, FeatureMaker(recipe, CPU), plan.num_chunks - 1)  # by somebody else
        progress = list(compute_features(plan, train, lambda: FeatureMaker(recipe, CPU)))
        assert progress[0] == ((3, plan.num_chunks) if name == "broken" else (0, plan.num_chunks))
        made.append({path.name: path.read_bytes() for path in plan.folder.iterdir()})
        assert not plan.parts.exists()
    assert made[0] == made[1]


def test_stages_in_the_wrong_order_are_refused(data: PreparedData, recipe: AdapterRecipe, tmp_path: Path) -> None:
    training = AdapterTraining(data, recipe, tmp_path / "run")
    with pytest.raises(MissingFileError, match="sonicdiffusion cache"):
        next(training.stage1())
    list(training.cache(CPU))
    with pytest.raises(ConfigError, match="train stage1"):
        next(training.stage2())
    list(training.stage1())
    other = replace(recipe, stage1=replace(recipe.stage1, temperature=0.5))
    with pytest.raises(ConfigError, match="another recipe"):
        next(AdapterTraining(data, other, tmp_path / "run").stage1())


def edit_config(model: Path, place: Path, part: str, **changes: Any) -> str:
    """Copy a model with another configuration of a part."""
    copy = Path(shutil.copytree(model, place))
    path = copy / part / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return str(copy)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cross_attention_dim": 8}, "takes text tokens 8 wide"),
        ({"addition_embed_type": "text_time"}, "XL family"),
        ({"in_channels": 9}, "inpainting"),
    ],
)
def test_a_base_that_does_not_fit_is_refused_before_any_work(
    changes: dict[str, Any], words: str, data: PreparedData, recipe: AdapterRecipe, model: Path, tmp_path: Path
) -> None:
    base = edit_config(model, tmp_path / "base", "unet", **changes)
    with pytest.raises(ModelError, match=words):
        next(AdapterTraining(data, replace(recipe, base=base), tmp_path / "run").cache(CPU))


def with_loop(recipe: AdapterRecipe, **changes: Any) -> AdapterRecipe:
    stage2 = replace(recipe.stage2, loop=replace(recipe.stage2.loop, **changes))
    return replace(recipe, stage2=stage2)


def test_a_longer_stage_2_replaces_the_adapter(
    cached: AdapterTraining, data: PreparedData, recipe: AdapterRecipe, tmp_path: Path
) -> None:
    list(cached.stage1())
    list(cached.stage2())
    weights = cached.adapter_folder / "adapter.safetensors"
    before = weights.read_bytes()
    (cached.adapter_folder / "README.md").write_text("mine")
    (tmp_path / "run" / "stage2" / "done.json").unlink()  # as if killed in between
    assert list(cached.stage2()) == []
    assert weights.read_bytes() == before
    longer = AdapterTraining(data, with_loop(recipe, num_steps=8), tmp_path / "run")
    assert [now.done for now in longer.stage2()] == [7, 8]
    assert weights.read_bytes() != before
    assert (cached.adapter_folder / "README.md").read_text() == "mine"


def test_other_defaults_of_generation_are_written_without_training(
    cached: AdapterTraining, data: PreparedData, recipe: AdapterRecipe, tmp_path: Path
) -> None:
    list(cached.stage1())
    list(cached.stage2())
    other = replace(recipe, generation=replace(recipe.generation, audio_guidance=9.0))
    assert list(AdapterTraining(data, other, tmp_path / "run").stage2()) == []
    assert json.loads((cached.adapter_folder / "config.json").read_text())["audio_guidance"] == 9.0


def test_settings_that_change_nothing_may_change(
    cached: AdapterTraining, data: PreparedData, recipe: AdapterRecipe, model: Path, tmp_path: Path
) -> None:
    list(cached.stage1())
    for _ in zip(cached.stage2(), range(3), strict=False):
        pass
    other = with_loop(recipe, accumulation=2, checkpoint_seconds=9.0)
    assert next(AdapterTraining(data, other, tmp_path / "run").stage2()).done > 1
    moved = Path(shutil.copytree(model, tmp_path / "moved"))
    assert next(AdapterTraining(data, replace(recipe, base=str(moved)), tmp_path / "run").stage2()).done > 1
    tiny_unet(norm_num_groups=4).save_pretrained(moved / "unet")
    with pytest.raises(ConfigError, match="another recipe"):
        next(AdapterTraining(data, replace(recipe, base=str(moved)), tmp_path / "run").stage2())


def test_two_caches_at_once_do_not_hurt_each_other(
    data: PreparedData, recipe: AdapterRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sonicdiffusion.training.features.CHUNK", 5)
    train = data.split("train")
    plan = FeaturePlan.of(train, recipe)
    one, other = (compute_features(plan, train, lambda: FeatureMaker(recipe, CPU)) for _ in range(2))
    for work in (one, other, one, other):
        next(work)
    assert list(other)[-1] == (plan.num_chunks, plan.num_chunks)
    assert list(one)[-1] == (plan.num_chunks, plan.num_chunks)
    assert len(CachedExamples(plan)) == len(train)
    assert [path.name for path in plan.folder.parent.iterdir()] == [plan.folder.name]


def test_what_has_no_class_is_like_nothing(
    data: PreparedData, recipe: AdapterRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = data.split("train")
    half = [label if number % 2 else None for number, label in enumerate(train.labels)]
    none = [None] * len(train)
    monkeypatch.setitem(train.__dict__, "captions", ["", *train.captions[1:]])
    for labels in (half, none):
        monkeypatch.setitem(train.__dict__, "labels", labels)
        plan = FeaturePlan.of(train, recipe)
        list(compute_features(plan, train, lambda: FeatureMaker(recipe, CPU)))
        classes = CachedExamples(plan)._classes
        assert classes[0] == -1
        assert bool(classes[2] == -1) is (labels is half)
        assert classes[1] >= 0


@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_pictures_during_training_are_drawn_with_averaged_weights(
    precision: Any, cached: AdapterTraining, data: PreparedData, recipe: AdapterRecipe, model: Path, tmp_path: Path
) -> None:
    list(cached.stage1())
    recipe = with_loop(recipe, mixed_precision=precision)
    seen = with_loop(recipe, show_every=3)
    folders = []
    for name, chosen in (("plain", recipe), ("seen", seen)):
        shutil.copytree(tmp_path / "run", tmp_path / name)
        training = AdapterTraining(data, chosen, tmp_path / name)
        show = Preview(str(model), str(model), data.folder, tmp_path / name / "pictures")
        list(training.stage2(show))
        folders.append(training.adapter_folder)
    assert len(list((tmp_path / "seen" / "pictures").glob("step-000003-*.png"))) > 1
    assert not (tmp_path / "plain" / "pictures").exists()
    one, other = ((folder / "adapter.safetensors").read_bytes() for folder in folders)
    assert one == other, "a look changes nothing"


@pytest.mark.parametrize("stage", ["stage1", "stage2"])
def test_a_dry_run_takes_the_shapes_of_the_features(stage: str, cached: AdapterTraining, recipe: AdapterRecipe) -> None:
    real, made_up = CachedExamples(cached.plan), MadeUpExamples(recipe)
    indices, rng = np.arange(3), np.random.default_rng(0)
    for name in ("sounds_in_words", "pictures_of_sounds"):
        pairs = zip(getattr(real, name)(indices, rng), getattr(made_up, name)(indices, rng), strict=True)
        assert all(one.shape == other.shape for one, other in pairs)
    assert real.empty_prompt().shape == made_up.empty_prompt().shape
    assert 0 < seconds_per_step(recipe, stage) < 60


@pytest.mark.parametrize("name", adapter_recipes())
def test_recipes_of_the_package_can_be_read(name: str) -> None:
    load_adapter_recipe(name)


def test_the_template_has_every_setting_at_its_default() -> None:
    template = tomllib.loads(recipe_file("template").read_text())
    base = AdapterRecipe(template["base"], template["encoder"], template["base_family"])

    def compare(table: dict[str, Any], settings: Any) -> None:
        assert {field.name for field in fields(settings)} - set(table) <= {"min_snr_gamma"}  # there as a remark
        for name, value in table.items():
            default = getattr(settings, name)
            if is_dataclass(default):
                compare(value, default)
            elif settings is not base:
                assert value == (list(default) if isinstance(default, tuple) else default), name

    compare(template, base)


def test_a_misspelt_recipe_or_setting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'mini'"):
        load_adapter_recipe("mini1")
    own = tmp_path / "own.toml"
    own.write_text('base = "mini"\nencoder = "mini"\nbase_family = "mini"\n[stage2.loop]\nlearning_rat = 1.0\n')
    with pytest.raises(ConfigError, match=r"'stage2.loop.learning_rat'.*'learning_rate'"):
        load_adapter_recipe(str(own))
    with pytest.raises(MissingFileError, match="no recipe"):
        load_adapter_recipe(str(tmp_path / "none.toml"))
