import errno
import statistics
import subprocess
import sys
import time
from types import ModuleType

import pytest
import typer
from typer.testing import CliRunner

from atlas.cli import main
from atlas.cli.main import COMMANDS, app, load_command
from atlas.errors import MissingExtraError, NothingDoneError, UsageError

HEAVY = ("torch", "transformers", "numpy", "pandas", "pyarrow", "PIL", "onnxruntime", "sklearn", "scrapy", "altair")


def run(*words):
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def failing(monkeypatch):
    """A function that makes `atlas demo` raise an error."""

    def fail_with(error, resumable=False):
        def stops():
            raise error

        def stops_and_resumes(resume: bool = False):
            raise error

        demo = stops_and_resumes if resumable else stops
        module = ModuleType("atlas.cli.demo")
        module.demo = demo
        monkeypatch.setitem(sys.modules, "atlas.cli.demo", module)

    return fail_with


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_exists_and_explains_itself(name):
    result = run(name, "--help")
    assert result.exit_code == 0, result.output
    assert f"{name} [OPTIONS]" in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_the_command_says_itself(name):
    first_line = (load_command(name).help or "").strip().splitlines()[0]
    assert first_line == COMMANDS[name]


def test_the_list_names_every_command():
    result = run("--help")
    assert result.exit_code == 0
    assert all(name in result.output for name in COMMANDS)


def test_no_words_show_the_help():
    assert "Commands" in run().output


def test_a_mistyped_command_names_the_nearest():
    result = run("evalute")
    assert result.exit_code == 2
    assert "Did you mean 'evaluate'" in result.output


def test_the_version():
    assert run("--version").output.startswith("atlas 0.")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UsageError("no such thing"), 2, "error: no such thing"),
        (NothingDoneError("all rows failed"), 3, "error: all rows failed"),
        (MissingExtraError("train", "training"), 2, "pip install 'atlas-categorizer[train]'"),
        (KeyboardInterrupt(), 130, "stopped; the same command begins again"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "the disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "out/model"), 2, "out/model: Permission denied"),
        (FileExistsError(errno.EEXIST, "File exists", "a.txt"), 2, "a.txt: a file lies where a folder is wanted"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "a.txt/b"), 2, "a.txt/b: a file lies where a folder"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/proc/x"), 2, "/proc/x: No such file, and it cannot be made"),
    ],
)
def test_what_goes_wrong_ends_in_one_line_and_a_code(failing, error, code, line):
    failing(error)
    result = run("demo")
    assert result.exit_code == code
    assert line in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_work_that_can_be_taken_up_says_so(failing):
    failing(KeyboardInterrupt(), resumable=True)
    assert run("demo").stderr == "error: stopped; --resume takes it up\n"


def test_our_own_mistakes_keep_their_traceback(failing):
    failing(ZeroDivisionError())
    assert isinstance(run("demo").exception, ZeroDivisionError)


def test_an_odd_os_error_keeps_its_traceback(failing):
    failing(OSError(errno.ELOOP, "loop"))
    assert isinstance(run("demo").exception, OSError)


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom atlas.cli.main import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_own_help_loads_nothing_heavy(name):
    code = f"import sys\nfrom atlas.cli.main import load_command\nload_command({name!r})\nprint(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(HEAVY) & set(eval(done.stdout))


@pytest.mark.slow
def test_help_starts_as_fast_as_an_empty_program(tmp_path):
    empty = tmp_path / "empty.py"
    empty.write_text("import typer, rich\napp = typer.Typer()\n@app.command()\ndef main(): ...\napp()\n")
    programs = {"empty": [sys.executable, str(empty)], "atlas": [sys.executable, "-m", "atlas", "--help"]}
    seconds = {name: [] for name in programs}
    for _ in range(9):  # interleaved, so that a busy moment hits both
        for name, words in programs.items():
            start = time.perf_counter()
            subprocess.run([*words, "--help"], check=True, capture_output=True)
            seconds[name].append(time.perf_counter() - start)
    assert statistics.median(seconds["atlas"]) <= 1.5 * statistics.median(seconds["empty"])


def test_a_reader_that_has_seen_enough_is_no_error():
    program = subprocess.Popen(
        [sys.executable, "-m", "atlas", "taxonomy", "show", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    program.stdout.close()
    error = program.stderr.read()
    program.stderr.close()
    assert program.wait() == 0
    assert error == b""


def test_a_narrow_terminal_encoding_stops_nothing():
    done = subprocess.run(
        [sys.executable, "-m", "atlas", "taxonomy", "show"],
        env={"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert b"Ethnic Wear" in done.stdout


def test_a_command_may_be_a_function_or_an_app():
    assert load_command("taxonomy").name == "taxonomy"
    assert isinstance(main.app, typer.Typer)
