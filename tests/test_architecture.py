"""Imports run one way, outside packages stay in their homes, and nothing that is read can run code."""

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "atlas"
FILES = {str(file.relative_to(SOURCE).with_suffix("")): file for file in sorted(SOURCE.rglob("*.py"))}

GROUND = {"errors", "records", "storage", "images", "recipe", "progress", "page"}
#: What each room may import beside itself; ground also within itself.
MAY_IMPORT = {
    **dict.fromkeys(GROUND, GROUND),
    "taxonomy": GROUND,
    "model": GROUND,
    "decide": GROUND,
    "collect": GROUND | {"taxonomy"},
    "clean": GROUND | {"taxonomy"},
    "dataset": GROUND | {"taxonomy"},
    "evaluate": GROUND | {"taxonomy", "decide"},
    "bundle": GROUND | {"taxonomy", "decide"},
    "runtime": GROUND | {"taxonomy", "decide", "bundle", "model"},
}
BELOW_STAGES = GROUND | {"taxonomy", "model", "decide", "collect", "clean", "dataset", "evaluate", "bundle", "runtime"}
MAY_IMPORT |= {
    "stages": BELOW_STAGES,
    "demo": BELOW_STAGES | {"stages"},
    "cli": BELOW_STAGES | {"stages", "demo"},
    "__init__": BELOW_STAGES | {"stages"},
    "__main__": {"cli"},
}
#: Where an outside package may be imported at all, as beginnings of file names.
LEARNING = (
    "model/",
    "runtime",
    "dataset/loader",
    "stages/train",
    "stages/checkpoint",
    "stages/hardware",
    "stages/export",
)
HOMES = {
    "torch": LEARNING,
    "transformers": LEARNING,
    "accelerate": LEARNING,
    "onnxruntime": ("runtime", "stages/export"),
    "onnx": ("stages/export",),
    "altair": ("evaluate/",),
    "vl_convert": ("evaluate/",),
    "matplotlib": ("evaluate/",),
    "jinja2": ("page",),
    "typer": ("cli/",),
    "rich": ("cli/",),
    "pickle": (),
    "dill": (),
    "joblib": (),
    "shelve": (),
    "pandas": (),
    "torchvision": (),
    "faiss": ("clean/neighbours",),
    "scipy": ("clean/",),
    "sklearn": ("clean/",),
    "cleanlab": ("clean/",),
    "skimage": ("clean/",),
    "requests": (),
    "urllib": ("collect/",),
    "parsel": ("collect/",),
    "lxml": ("collect/",),
    "w3lib": ("collect/",),
    "price_parser": ("collect/",),
    "charset_normalizer": ("collect/",),
    "scrapy": ("collect/",),
    "twisted": (),
    "aiohttp": ("collect/",),
    "yarl": ("collect/",),
    "protego": ("collect/",),
    "playwright": ("collect/",),
    "rapidfuzz": ("taxonomy/",),
}
#: Files outside cli that the front door may not load at the top: `import atlas` stays light.
LAZY = (
    "torch",
    "transformers",
    "accelerate",
    "altair",
    "vl_convert",
    "jinja2",
    "onnxruntime",
    "onnx",
    "scipy",
    "sklearn",
    "cleanlab",
    "faiss",
    "skimage",
    "rapidfuzz",
    "playwright",
)
#: Rooms that may import these at the top, because all they do needs them.
EAGER = ("model/", "dataset/loader", "stages/train", "stages/checkpoint", "stages/hardware", "stages/export")
ROOMS = {name.split("/")[0] for name in FILES} - {"__init__"}
NO_ROOM = {"utils", "util", "helpers", "common", "core", "manager", "process", "misc"}


@cache
def parsed(file):
    return ast.parse(file.read_text("utf-8"))


def imports(name, top_only=False):
    """Every module that a file imports, with the line; relative imports made absolute."""
    tree = parsed(FILES[name])
    nodes = list(_top_level(tree)) if top_only else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = ["atlas", *name.split("/")][: -node.level] if node.level else []
            module = ".".join([*package, *([node.module] if node.module else [])])
            yield module, node.lineno
            yield from ((f"{module}.{alias.name}", node.lineno) for alias in node.names)


def _top_level(tree):
    """Statements that run on import: not in functions, not under TYPE_CHECKING."""
    for node in tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from ast.walk(node)


def room_of(name):
    return name.split("/")[0]


def nodes_of(name, kind):
    return [node for node in ast.walk(parsed(FILES[name])) if isinstance(node, kind)]


def test_imports_run_one_way():
    strays = [
        f"{name}.py:{line}: {room_of(name)} may not import {module}"
        for name in FILES
        for module, line in imports(name)
        if module.startswith("atlas.")
        and room_of(module[6:].replace(".", "/")) in ROOMS
        and room_of(module[6:].replace(".", "/")) not in MAY_IMPORT[room_of(name)] | {room_of(name)}
    ]
    assert strays == []


def test_outside_packages_stay_at_home():
    strays = [
        f"{name}.py:{line}: {module} has no home here"
        for name in FILES
        for module, line in imports(name)
        if not name.startswith(HOMES.get(module.split(".")[0], ("",)))
    ]
    assert strays == []


def test_heavy_packages_are_imported_when_called():
    strays = [
        f"{name}.py:{line}: import {module} inside the function that uses it"
        for name in FILES
        if not name.startswith(EAGER)
        for module, line in imports(name, top_only=True)
        if module.split(".")[0] in LAZY
    ]
    assert strays == []


def test_commands_import_only_light_things_at_the_top():
    light = ("typer", "atlas.cli", "atlas.errors", "atlas.progress")
    strays = [
        f"{name}.py:{line}: import {module} inside the command"
        for name in FILES
        if name.startswith("cli/")
        for module, line in imports(name, top_only=True)
        if module.split(".")[0] not in sys.stdlib_module_names and not module.startswith(light)
    ]
    assert strays == []


def test_only_the_command_line_prints():
    strays = [
        f"{name}.py:{call.lineno}"
        for name in FILES
        if not name.startswith("cli/")
        for call in nodes_of(name, ast.Call)
        if ast.unparse(call.func) in ("print", "sys.stdout.write", "sys.stderr.write")
    ]
    assert strays == []


def test_nothing_that_is_read_can_run_code():
    strays = [
        f"{name}.py:{call.lineno}: {ast.unparse(call)}"
        for name in FILES
        for call in nodes_of(name, ast.Call)
        if ast.unparse(call.func) in ("torch.load", "eval", "exec")
        or any(word.arg in ("allow_pickle", "trust_remote_code") for word in call.keywords)
    ]
    assert strays == []


def test_the_rules_catch_what_they_should(tmp_path, monkeypatch):
    bad = tmp_path / "bad.py"
    bad.write_text("import torch\nfrom atlas import stages\nfrom ..cli import main\nprint(eval('x'))\n")
    monkeypatch.setitem(FILES, "decide/bad", bad)
    for test in (
        test_imports_run_one_way,
        test_outside_packages_stay_at_home,
        test_heavy_packages_are_imported_when_called,
        test_only_the_command_line_prints,
        test_nothing_that_is_read_can_run_code,
    ):
        with pytest.raises(AssertionError, match="decide/bad"):
            test()


def test_rooms_say_what_they_are_for():
    words = {part for name in FILES for part in name.split("/")}
    assert not words & NO_ROOM
    assert {room_of(name) for name in FILES} <= set(MAY_IMPORT)


def test_no_room_is_described_that_does_not_exist():
    assert all((SOURCE / room).is_dir() or room in FILES for room in MAY_IMPORT)
