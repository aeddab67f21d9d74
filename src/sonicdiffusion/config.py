"""Settings as data: a TOML recipe becomes a frozen dataclass, or one sentence says why not."""

import dataclasses
import difflib
import tomllib
import types
import typing
from pathlib import Path
from typing import Any, TypeVar, Union

from sonicdiffusion.errors import ConfigError, MissingFileError

Settings = TypeVar("Settings")


def load_recipe(path: str | Path, kind: type[Settings]) -> Settings:
    """Read a recipe file into a dataclass.

    Args:
        path: a TOML file; its tables are the nested dataclasses.
        kind: the dataclass to build. Keys that the file leaves out take the defaults.

    Raises:
        MissingFileError: if there is no such file.
        ConfigError: if the file is not TOML, or a key is unknown, missing or of the wrong type.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"There is no recipe '{path}'. Check the path.")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"'{path}' is not valid TOML: {error}. Correct it there.") from error
    return from_dict(table, kind, source=f"'{path}'")


def from_dict(table: dict[str, Any], kind: type[Settings], *, source: str = "the settings") -> Settings:
    """Build a dataclass from plain values.

    Args:
        table: field names with their values; nested dictionaries for nested dataclasses.
        kind: the dataclass to build.
        source: what the errors call the place where the values stand.

    Raises:
        ConfigError: if a key is unknown, missing or of the wrong type, or the dataclass refuses its values.
    """
    return _build(table, kind, source, ())


def to_dict(settings: Any) -> dict[str, Any]:
    """Return a dataclass as plain values that JSON and TOML can hold; `from_dict` turns them back.

    Fields that are None are left out, since TOML has no word for them.
    """
    return {
        field.name: _plain(getattr(settings, field.name))
        for field in dataclasses.fields(settings)
        if getattr(settings, field.name) is not None
    }


def nearest(name: str, known: typing.Iterable[str]) -> str:
    """Return the sentence that helps with a misspelt name: the nearest known ones, or all of them."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=2)
    if close:
        return f"Did you mean {' or '.join(repr(other) for other in close)}?"
    return f"Known are: {', '.join(known)}." if known else "None are known."


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_dict(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _build(table: dict[str, Any], kind: type[Settings], source: str, place: tuple[str, ...]) -> Settings:
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}  # type: ignore[arg-type]
    hints = typing.get_type_hints(kind)
    for key in table:
        if key not in fields:
            raise ConfigError(f"Unknown setting '{_dotted(place, key)}' in {source}. {nearest(key, fields)}")
    for name, field in fields.items():
        has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if name not in table and not has_default:
            raise ConfigError(f"The setting '{_dotted(place, name)}' is missing in {source}. Add it.")
    values = {key: _convert(value, hints[key], source, (*place, key)) for key, value in table.items()}
    try:
        return kind(**values)
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from error


def _convert(value: Any, hint: Any, source: str, place: tuple[str, ...]) -> Any:
    """Return `value` as the annotation `hint` wants it."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if isinstance(value, dict):
            return _build(value, hint, source, place)
    elif hint is Any:
        return value
    elif typing.get_origin(hint) in (Union, types.UnionType):
        return _convert_union(value, hint, source, place)
    elif typing.get_origin(hint) is typing.Literal:
        if value in typing.get_args(hint):
            return value
    elif typing.get_origin(hint) in (tuple, list, dict):
        return _convert_collection(value, hint, source, place)
    else:
        return _convert_scalar(value, hint, source, place)
    raise _wrong_type(value, hint, source, place)


def _convert_scalar(value: Any, hint: Any, source: str, place: tuple[str, ...]) -> Any:
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if hint is Path and isinstance(value, str):
        return Path(value)
    if isinstance(hint, type) and type(value) is hint:  # exactly: True is no integer here
        return value
    raise _wrong_type(value, hint, source, place)


def _convert_union(value: Any, hint: Any, source: str, place: tuple[str, ...]) -> Any:
    if value is None and type(None) in typing.get_args(hint):
        return None
    # An exact match first, so that 3 stays an integer where both int and float are allowed.
    options = sorted(typing.get_args(hint), key=lambda option: option is not type(value))
    for option in options:
        if option is not type(None):
            try:
                return _convert(value, option, source, place)
            except ConfigError:
                if dataclasses.is_dataclass(option) and isinstance(value, dict):
                    raise  # the nested sentence is the better one
    raise _wrong_type(value, hint, source, place)


def _convert_collection(value: Any, hint: Any, source: str, place: tuple[str, ...]) -> Any:
    kind, inner = typing.get_origin(hint), typing.get_args(hint)
    if kind is dict and isinstance(value, dict):
        return {key: _convert(item, inner[1], source, (*place, str(key))) for key, item in value.items()}
    if kind is dict or not isinstance(value, list | tuple):
        raise _wrong_type(value, hint, source, place)
    if kind is tuple and inner[-1] is not Ellipsis:
        if len(value) != len(inner):
            raise _wrong_type(value, hint, source, place)
        hints = inner
    else:
        hints = (inner[0],) * len(value)
    return kind(
        _convert(item, option, source, (*place, str(index)))
        for index, (item, option) in enumerate(zip(value, hints, strict=True))
    )


def _wrong_type(value: Any, hint: Any, source: str, place: tuple[str, ...]) -> ConfigError:
    wanted = hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)
    wanted = wanted.replace("typing.", "")
    return ConfigError(
        f"The setting '{'.'.join(place)}' in {source} is {value!r} ({type(value).__name__}); expected {wanted}."
    )


def _dotted(place: tuple[str, ...], name: str) -> str:
    return ".".join((*place, name))
