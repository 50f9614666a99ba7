"""The reference pages of the documentation, written from the code: `python -m atlas.cli.reference commands|recipes`.

A test holds that `docs/commands.md` and `docs/recipes.md` are what this prints.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
import types
import typing
from collections.abc import Iterator
from typing import Any

from atlas.cli.main import COMMANDS, load_command


def command_page() -> str:
    """Every command with its arguments and options, as Markdown."""
    lines = [
        "# Commands",
        "",
        "Written from the code by `python -m atlas.cli.reference commands > docs/commands.md`.",
        "",
        "Exit codes everywhere: 0 all good, 1 some rows failed (`taxonomy`: errors or differences found), 2 wrong use,",
        "3 nothing done, 4 worse than `--against`, 130 stopped by hand.",
    ]
    for name in COMMANDS:
        lines += _command_lines(f"atlas {name}", load_command(name), "##")
    return "\n".join(lines) + "\n"


def recipe_page() -> str:
    """Every key of a recipe with its default and what the shipped recipes say, as Markdown."""
    from atlas.stages.recipes import Recipe, load_recipe, recipe_names

    recipes = {name: load_recipe(name) for name in recipe_names()}
    lines = [
        "# Recipes",
        "",
        "Written from the code by `python -m atlas.cli.reference recipes > docs/recipes.md`.",
        "",
        "A recipe is a TOML file with the tables below; `atlas train -r NAME|FILE` reads it, `--set key=value` changes",
        f"one key. Atlas ships {' and '.join(f'`{name}`' for name in recipes)}. A key left out has its default.",
    ]
    for table in dataclasses.fields(Recipe):
        lines += _table_lines(table.name, getattr(Recipe(), table.name), recipes)
    return "\n".join(lines) + "\n"


def _command_lines(call: str, command: Any, heading: str) -> Iterator[str]:
    yield from ("", f"{heading} {call}", "", inspect.cleandoc(command.help or ""))
    inner = getattr(command, "commands", None)
    if inner:
        for name, below in inner.items():
            yield from _command_lines(f"{call} {name}", below, heading + "#")
        return
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    options = [param for param in command.params if param.param_type_name == "option" and param.name != "help"]
    usage = " ".join([call, "[OPTIONS]" if options else "", *map(_argument_name, arguments)])
    yield from ("", "```", " ".join(usage.split()), "```")
    if arguments:
        yield from ("", "| argument | meaning |", "|---|---|")
        yield from (f"| `{_cell(_argument_name(param))}` | {_cell(param.help)} |" for param in arguments)
    if options:
        yield from ("", "| option | default | meaning |", "|---|---|---|")
        yield from (f"| `{_option_name(param)}` | {_default(param)} | {_cell(param.help)} |" for param in options)


def _argument_name(param: Any) -> str:
    name = (param.metavar or param.name).strip("{}[].").upper()
    many = "..." if param.nargs == -1 else ""
    return f"{name}{many}" if param.required else f"[{name}]{many}"


def _option_name(param: Any) -> str:
    names = sorted([*param.opts, *param.secondary_opts], key=lambda name: (not name.startswith("--"), name))
    return ", ".join(names)


def _default(param: Any) -> str:
    if param.required:
        return "required"
    if param.default is None or param.default is False or param.default in ((), []) or callable(param.default):
        return ""
    return f"`{param.default}`"


def _table_lines(name: str, defaults: Any, recipes: dict[str, Any]) -> Iterator[str]:
    yield from ("", f"## [{name}]", "", inspect.cleandoc(type(defaults).__doc__ or ""), "")
    yield f"| key | type | default | {' | '.join(recipes)} |"
    yield "|---" * (3 + len(recipes)) + "|"
    hints = typing.get_type_hints(type(defaults))
    for field in dataclasses.fields(defaults):
        default = getattr(defaults, field.name)
        said = [getattr(getattr(recipe, name), field.name) for recipe in recipes.values()]
        shown = ["" if value == default else f"`{_toml(value)}`" for value in said]
        yield f"| `{field.name}` | {_kind(hints[field.name])} | `{_toml(default)}` | {' | '.join(shown)} |"


def _kind(hint: Any) -> str:
    if typing.get_origin(hint) is typing.Literal:
        return " or ".join(f"`{value}`" for value in typing.get_args(hint))
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return " or ".join(map(_kind, typing.get_args(hint)))
    return _cell(hint.__name__ if isinstance(hint, type) else str(hint))


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(list(value)) if isinstance(value, tuple) else str(value)


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


if __name__ == "__main__":
    pages = {"commands": command_page, "recipes": recipe_page}
    if len(sys.argv) != 2 or sys.argv[1] not in pages:
        sys.exit(f"name one page: {' or '.join(pages)}")
    print(pages[sys.argv[1]](), end="")
