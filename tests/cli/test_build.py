import json
import sys

import pytest

from atlas.cli.main import main
from tests.dataset.pictures import listings, write_parquet


@pytest.fixture
def atlas(monkeypatch, capsys):
    """Runs `atlas` with these words; gives exit code, stdout and stderr."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["atlas", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code or 0, *capsys.readouterr()

    return run


@pytest.fixture
def table(tmp_path):
    return write_parquet(tmp_path / "t.parquet", listings(40))


def test_a_build_ends_with_its_figures_and_the_next_command(atlas, table, tmp_path):
    code, out, _ = atlas("build", table, "-o", tmp_path / "out", "--quiet", "--splits", "60/20/20")
    assert code == 0
    assert "train\t24\t12" in out
    assert "3 categories in 2 levels" in out
    assert out.splitlines()[-1] == f"next: atlas train {tmp_path / 'out'} -r fast -o model"


def test_json_is_the_record_and_nothing_else(atlas, table, tmp_path):
    code, out, err = atlas("build", table, "-o", tmp_path / "out", "--json", "--dry-run")
    assert (code, err) == (0, "")
    assert json.loads(out)["rows"]["train"] > 0
    assert json.loads(out)["dry_run"] is True
    assert not (tmp_path / "out").exists()


def test_a_rejected_row_is_counted_and_makes_the_exit_code_1(atlas, tmp_path):
    listed = listings(40)
    listed[0]["image"] = {"bytes": b"no", "path": None}
    table = write_parquet(tmp_path / "t.parquet", listed)
    code, out, _ = atlas("build", table, "-o", tmp_path / "out", "-q")
    assert code == 1
    assert "unreadable picture\t1" in out
    assert "rejected.jsonl" in out


def test_wrong_use_and_nothing_done_have_their_codes(atlas, table, tmp_path):
    code, _, err = atlas("build", table, "-o", tmp_path / "out", "--columns", "title=name")
    assert code == 2
    assert "no column 'name' for title" in err
    assert atlas("build", table, "-o", tmp_path / "out", "-q", "--where", "title=x")[0] == 3


def test_what_became_of_a_patch_is_told(atlas, table, tmp_path):
    ids = sorted({row["product_id"] for row in listings(40)})
    lines = [
        f"{ids[0]},Men > New,ann,,",
        f"{ids[1]},-,ann,,",
        f"{ids[2]},Men > New,suggested,,",
        "nobody,Men > New,ann,,",
    ]
    (tmp_path / "p.csv").write_text("\n".join(["product_id,path,by,at,reason", *lines]) + "\n")
    code, out, _ = atlas("build", table, "-o", tmp_path / "out", "-q", "--patch", tmp_path / "p.csv")
    assert code == 0
    told = [line for line in out.splitlines() if "patch" in line]
    assert told[0].startswith("taken out by a patch\t")
    assert told[1].startswith("patched: 2 products (") and told[1].endswith(", 1 of them taken out")
    assert told[2:5] == [
        "1 suggested lines of patches wait: decide them, or use --use-suggested",
        "paths that only patched products have: Men > New",
        "in patches, but not in the source: nobody",
    ]
    (tmp_path / "p.csv").write_text("product_id,path\n1,\n")
    code, _, err = atlas("build", table, "-o", tmp_path / "new", "-q", "--patch", tmp_path / "p.csv")
    assert code == 2
    assert "p.csv, line 2: path is empty" in err
