"""What is written cannot drift: commands, options, recipes and keys are documented, and what the pages show exists."""

import dataclasses
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from atlas.cli.main import COMMANDS, load_command
from atlas.cli.reference import command_page, recipe_page
from atlas.stages.recipes import Recipe, load_recipe, recipe_names

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def text_of(name):
    return (ROOT / "docs" / name).read_text("utf-8")


def commands(command, call):
    """Every command that does something, with the words that call it."""
    inner = getattr(command, "commands", None)
    if not inner:
        return {call: command}
    return {words: found for name, below in inner.items() for words, found in commands(below, f"{call} {name}").items()}


ALL = {call: found for name in COMMANDS for call, found in commands(load_command(name), f"atlas {name}").items()}


def test_the_page_of_commands_is_current():
    assert text_of("commands.md") == command_page(), "run `make reference`"


def test_the_page_of_recipes_is_current():
    assert text_of("recipes.md") == recipe_page(), "run `make reference`"


@pytest.mark.parametrize("call", ALL)
def test_every_command_and_option_is_documented(call):
    page = text_of("commands.md")
    section = page.split(f"# {call}\n", 1)[1].split("\n## ")[0]
    for param in ALL[call].params:
        if param.param_type_name == "option" and param.name != "help":
            assert param.help, f"{call} {param.opts[0]} says nothing about itself"
            assert all(name in section for name in param.opts)
    assert ALL[call].help


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_loads_and_is_documented(name):
    assert isinstance(load_recipe(name), Recipe)
    assert f"`{name}`" in text_of("recipes.md")


@pytest.mark.parametrize("table", [field.name for field in dataclasses.fields(Recipe)])
def test_every_key_of_a_recipe_is_documented(table):
    section = text_of("recipes.md").split(f"## [{table}]\n", 1)[1].split("\n## ")[0]
    for field in dataclasses.fields(getattr(Recipe(), table)):
        assert f"| `{field.name}` |" in section


def shown_calls():
    """Every `atlas ...` line in a fenced block of any page."""
    for page in PAGES:
        if page.exists():
            for block in re.findall(r"```(?:sh|bash|console)\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
                lines = block.replace("\\\n", " ").splitlines()
                yield from ((page.name, line.strip().removeprefix("$ ")) for line in lines)


def fault_of(line):
    """What is wrong with a shown call, or nothing."""
    words = shlex.split(line, comments=True)
    if words[1].startswith("-"):
        return None
    call = next((call for call in ALL if words[: len(call.split())] == call.split()), None)
    if call is None:
        return "no such command"
    known = {name for param in ALL[call].params for name in [*param.opts, *param.secondary_opts]} | {"--help"}
    used = {word.split("=")[0] for word in words if word.startswith("-") and len(word) > 1}
    return f"no such option: {used - known}" if used - known else None


def test_what_the_pages_show_can_be_called():
    calls = [(page, line) for page, line in shown_calls() if line.startswith("atlas ")]
    assert [(page, line, fault_of(line)) for page, line in calls if fault_of(line)] == []


def test_a_call_that_does_not_exist_would_be_found():
    assert fault_of("atlas predict photo.jpg -m model") is None
    assert fault_of("atlas taxonomy show --levels 2") is None
    assert fault_of("atlas taxonomy paint x") == "no such command"
    assert fault_of("atlas predict photo.jpg --modle m") == "no such option: {'--modle'}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.exists()], ids=lambda page: page.name)
def test_links_and_pictures_exist(page):
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name} points to {target}"


def test_every_pinned_library_is_one_that_an_extra_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [*project["dependencies"], *(word for extra in project["optional-dependencies"].values() for word in extra)]
    names = {re.split(r"[\[<>=~! ]", word)[0].lower().replace("_", "-") for word in asked} - {"atlas-categorizer"}
    lines = [line for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines}
    assert names <= pinned
    assert "torchvision" not in pinned
    assert all(re.fullmatch(r"[\w.-]+==[\w.+]+", line) for line in lines)


def test_the_changelog_has_an_unreleased_part():
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text("utf-8")
