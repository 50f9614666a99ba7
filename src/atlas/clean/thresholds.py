"""Below which score something is a finding, and what is proposed then: data, shipped or in a file of the user's."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path as FilePath
from typing import Any, Literal

from atlas.errors import RecipeError
from atlas.recipe import from_mapping, with_setting

#: What is proposed for a finding.
Verdict = Literal["drop", "look"]


@dataclass(frozen=True)
class Rule:
    """A finding is a score below `below`."""

    below: float
    verdict: Verdict

    def __post_init__(self) -> None:
        if not 0 <= self.below <= 1:
            raise RecipeError(f"below is {self.below}: scores run from 0 to 1, and 0 finds nothing")


@dataclass(frozen=True)
class SmallRule(Rule):
    """`ample_px`: from this shorter side on, size is no matter."""

    ample_px: int = 160


@dataclass(frozen=True)
class BlankRule(Rule):
    """`ample_detail`: from this share of pixels at edges on, a picture shows something."""

    ample_detail: float = 0.01


@dataclass(frozen=True)
class TextRule(Rule):
    """Weights of a logistic function of the lettering."""

    letters: float = 0.0
    share: float = 0.0
    unevenness: float = 0.0
    bias: float = 0.0


@dataclass(frozen=True)
class TypeRule(Rule):
    """`formats`: the kinds of files that product pictures come in, by Pillow's names."""

    formats: tuple[str, ...] = ()


@dataclass(frozen=True)
class TreeRule:
    """`thin`: answers with fewer training products are findings."""

    thin: int = 10


@dataclass(frozen=True)
class Thresholds:
    """The rules of all checks."""

    unreadable: Rule
    small: SmallRule
    shape: Rule
    blank: BlankRule
    placeholder: Rule
    text: TextRule
    type: TypeRule
    closeup: Rule
    tree: TreeRule


def load_thresholds(file: FilePath | None = None, settings: Iterable[str] = ()) -> Thresholds:
    """The shipped thresholds, with those of a TOML file and then `key=value` settings over them.

    Raises RecipeError for an unknown key or a value of the wrong kind, each with what is allowed.
    """
    text = (resources.files("atlas.clean") / "thresholds.toml").read_text(encoding="utf-8")
    values = tomllib.loads(text)
    if file is not None:
        values = _over(values, _read(file))
    thresholds = from_mapping(Thresholds, values, str(file) if file else "thresholds")
    for setting in settings:
        thresholds = with_setting(thresholds, setting)
    return thresholds


def _read(file: FilePath) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"{file} cannot be read ({error.strerror}): name a TOML file of thresholds") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{file} is not TOML: {error}") from error


def _over(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The tables with some keys replaced."""
    merged = dict(values)
    for key, change in changes.items():
        old = merged.get(key)
        merged[key] = _over(old, change) if isinstance(old, Mapping) and isinstance(change, Mapping) else change
    return merged
