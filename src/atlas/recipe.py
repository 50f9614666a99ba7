"""TOML tables into frozen, typed dataclasses; an unknown key is refused with the nearest valid one."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from atlas.errors import RecipeError

T = TypeVar("T")


def from_mapping(kind: type[T], values: Mapping[str, Any], where: str = "recipe") -> T:
    """An instance of the dataclass `kind` from a TOML or JSON table; nested dataclasses are read from nested tables.

    Raises RecipeError that names the key, what was seen and what is allowed.
    """
    if not isinstance(values, Mapping):
        raise RecipeError(f"{where} is {values!r}: use a table of keys and values")
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(kind)
    for key in values:
        if key not in fields:
            raise RecipeError(f"unknown key '{key}' in {where}{_nearest(key, fields)}")
    for name, field in fields.items():
        if name not in values and field.default is field.default_factory is dataclasses.MISSING:
            raise RecipeError(f"{where}.{name} is missing: give it a value")
    return kind(**{key: _convert(hints[key], value, f"{where}.{key}") for key, value in values.items()})


def to_mapping(value: Any) -> dict[str, Any]:
    """The dataclass as plain tables, ready for JSON; `from_mapping` turns them back."""
    return dataclasses.asdict(value)


def with_setting(recipe: T, setting: str) -> T:
    """The recipe with one `key=value` changed; the key may leave outer tables out where no other table has it.

    Raises RecipeError for a setting without '=', an unknown or ambiguous key and a value of the wrong kind.
    """
    key, equals, text = setting.partition("=")
    if not equals:
        raise RecipeError(f"'{setting}' is not a setting: write key=value")
    way = _find_key(recipe, key.strip())
    changed: T = _replace_at(recipe, way, text.strip(), key.strip())
    return changed


def _find_key(recipe: Any, key: str) -> tuple[str, ...]:
    ways = list(_ways(recipe))
    end = tuple(key.split("."))
    found = [way for way in ways if way == end] or [way for way in ways if way[-len(end) :] == end]
    if not found:
        raise RecipeError(
            f"unknown key '{key}'{_nearest(key, ['.'.join(way) for way in ways] + [way[-1] for way in ways])}"
        )
    if len(found) > 1:
        raise RecipeError(f"'{key}' is ambiguous: write one of {', '.join('.'.join(way) for way in found)}")
    return found[0]


def _ways(recipe: Any) -> typing.Iterator[tuple[str, ...]]:
    for field in dataclasses.fields(recipe):
        value = getattr(recipe, field.name)
        if dataclasses.is_dataclass(value):
            yield from ((field.name, *way) for way in _ways(value))
        else:
            yield (field.name,)


def _replace_at(recipe: Any, way: tuple[str, ...], text: str, where: str) -> Any:
    name, *rest = way
    if rest:
        inner = _replace_at(getattr(recipe, name), tuple(rest), text, where)
    else:
        inner = _from_text(typing.get_type_hints(type(recipe))[name], text, where)
    return dataclasses.replace(recipe, **{name: inner})


def _from_text(hint: Any, text: str, where: str) -> Any:
    """What `text` says as TOML; where that does not fit, a number such as `.001`, `none`, or the bare words."""
    readings: list[Any] = []
    with contextlib.suppress(tomllib.TOMLDecodeError):
        readings.append(tomllib.loads(f"value = {text}")["value"])
    with contextlib.suppress(ValueError):
        readings.append(float(text))
    readings += [text] if text.lower() != "none" else [text, None]
    for reading in readings:
        with contextlib.suppress(RecipeError):
            return _convert(hint, reading, where)
    return _convert(hint, readings[0], where)  # raises what the first reading lacks


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin = get_origin(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type) and isinstance(value, Mapping):
        return from_mapping(hint, value, where)
    if origin is Literal:
        if value in get_args(hint):
            return value
        raise RecipeError(f"{where} is {value!r}: use one of {', '.join(map(repr, get_args(hint)))}")
    if origin in (Union, types.UnionType):
        return _convert_union(get_args(hint), value, where)
    if origin is tuple and isinstance(value, list | tuple):
        return _convert_tuple(get_args(hint), value, where)
    if origin is dict and isinstance(value, Mapping):
        return dict(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    raise RecipeError(f"{where} is {value!r}: use a value of type {getattr(hint, '__name__', hint)}")


def _convert_tuple(hints: tuple[Any, ...], value: Sequence[Any], where: str) -> tuple[Any, ...]:
    if hints[-1] is Ellipsis:
        hints = hints[:1] * len(value)
    if len(hints) != len(value):
        raise RecipeError(f"{where} has {len(value)} values: use {len(hints)}")
    numbered = enumerate(zip(hints, value, strict=True))
    return tuple(_convert(hint, item, f"{where}[{place}]") for place, (hint, item) in numbered)


def _convert_union(hints: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in hints:
        return None
    for hint in hints:
        if hint is not type(None):
            try:
                return _convert(hint, value, where)
            except RecipeError:
                continue
    allowed = ", ".join(", ".join(map(repr, get_args(hint))) or getattr(hint, "__name__", str(hint)) for hint in hints)
    raise RecipeError(f"{where} is {value!r}: use one of {allowed}")


def _nearest(key: str, known: typing.Iterable[str]) -> str:
    names = sorted(set(known))
    close = difflib.get_close_matches(key, names, n=1)
    return f"; did you mean '{close[0]}'?" if close else f"; allowed are {', '.join(names)}"
