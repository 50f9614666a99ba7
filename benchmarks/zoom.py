"""Close-ups told from normal pictures: the paper's two models and `fast-zoom` on real photos that no training saw.

    python benchmarks/zoom.py data FASHION_PHOTOS -o work       the photos for training, and the test pictures
    atlas build work/photos --columns fashion-products --splits train=train.parquet,dev=dev.parquet \\
        --closeups work/paper.toml -o work/paper                 the paper's 6,005 normal and 1,054 zoomed, about
    atlas build work/photos --columns fashion-products --splits train=train.parquet,dev=dev.parquet \\
        --closeups standard -o work/even                         one close-up of each picture
    atlas train work/paper -r paper-zoom -o work/paper-zoom
    atlas train work/even -r fast-zoom -o work/fast-zoom
    python benchmarks/zoom.py score work svm work/paper-zoom work/fast-zoom

`zoom_test.toml` says how the test pictures are made and `zoom_pictures.py` makes them. `score` prints one table like
the paper's table 1, and F for each scale; scores that were calculated before are kept in `work`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import precision_recall_fscore_support
from zoom_pictures import SETTINGS, ZoomPicture, border_f, laplacian_f, make_pictures

from atlas.clean.zoom import ZoomSvm, fit_features, zoom_features
from atlas.dataset.schema import open_dataset
from atlas.images import decode
from atlas.stages.zoom import THRESHOLD, open_zoom_model

#: Photos for training, so that about the paper's 6,005 remain where a close-up can be cut; the others are for dev.
TRAINING_PHOTOS = 6070
PAPERS_RATIO = "per_picture = 0.1755\n"  # 1,054 of 6,005
#: Grounds of the test pictures: the photos' own, nearly always white, and others painted in.
GROUNDS = ("own", "grey", "colour", "patches")
#: Table 1 of the paper, as published: precision, recall, F of normal, zoomed, average.
PUBLISHED = {
    "CNN (published, its own pictures)": ((0.99, 0.99, 0.99), (0.95, 0.95, 0.95), (0.98, 0.98, 0.98)),
    "SVM (published, its own pictures)": ((0.91, 0.99, 0.95), (0.86, 0.48, 0.62), (0.91, 0.91, 0.90)),
}


def make_data(photos: Path, work: Path) -> None:
    """Training's photos, divided, and the test pictures as a table."""
    (work / "photos").mkdir(parents=True, exist_ok=True)
    table = pq.read_table(photos / "train.parquet")
    order = np.random.default_rng(5).permutation(len(table))
    for name, rows in (("train", order[:TRAINING_PHOTOS]), ("dev", order[TRAINING_PHOTOS:])):
        pq.write_table(table.take(rows), work / "photos" / f"{name}.parquet", row_group_size=500)
    (work / "paper.toml").write_text(PAPERS_RATIO, encoding="utf-8")
    for ground in GROUNDS:
        pictures = make_pictures(photos, ground)
        pq.write_table(pa.Table.from_pylist([vars(picture) for picture in pictures]), work / f"test-{ground}.parquet")
        zoomed = sum(picture.zoomed for picture in pictures)
        print(f"ground {ground}: {len(pictures):,} test pictures, {zoomed} of them zoomed")


def pictures_to_judge(work: Path, ground: str) -> list[ZoomPicture]:
    return [ZoomPicture(**row) for row in pq.read_table(work / f"test-{ground}.parquet").to_pylist()]


def scores_of(name: str, work: Path, ground: str, pictures: Sequence[ZoomPicture]) -> NDArray[np.float64]:
    """A model's score of each test picture, calculated once: of the SVM (fitted here), or of a model folder."""
    model = None if name == "svm" else open_zoom_model(Path(name))
    kept = work / f"scores-{'svm' if model is None else model.model_id}-{ground}.json"
    if not kept.exists():
        jpegs = [picture.jpeg for picture in pictures]
        found = _svm_scores(work, jpegs) if model is None else list(model.scores(jpegs))
        kept.write_text(json.dumps(found), encoding="utf-8")
    return np.array(json.loads(kept.read_text(encoding="utf-8")))


def _svm_scores(work: Path, jpegs: Sequence[bytes]) -> list[float]:
    file = work / "svm.json"
    if file.exists():
        kept = json.loads(file.read_text(encoding="utf-8"))
        plane = (np.array(kept[key]) for key in ("mean", "deviation", "weight"))
        svm = ZoomSvm(*plane, kept["bias"], kept["c"])
        return svm.scores(np.stack([zoom_features(jpeg) for jpeg in jpegs])).tolist()
    data = open_dataset(work / "paper")
    features, zoomed = [], []
    for batch in data.batches("train", ["path", "image.bytes"]):
        for row in batch.to_pylist():
            features.append(zoom_features(row["image"]["bytes"]))
            zoomed.append(row["path"] == ["zoomed"])
    svm = fit_features(np.stack(features), zoomed)
    print(f"SVM: C = {svm.c:g}, fitted on {len(zoomed) - sum(zoomed):,} normal and {sum(zoomed):,} zoomed pictures")
    plain = {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in vars(svm).items()}
    file.write_text(json.dumps(plain), encoding="utf-8")
    return _svm_scores(work, jpegs)


Row = tuple[tuple[float, float, float], ...]


def table_row(zoomed: NDArray[np.bool_], said: NDArray[np.bool_]) -> Row:
    """Precision, recall and F of normal, of zoomed, and their average weighted by support."""
    each = np.array(precision_recall_fscore_support(zoomed, said, labels=[False, True], zero_division=0.0)[:3]).T
    average = precision_recall_fscore_support(zoomed, said, average="weighted", zero_division=0.0)[:3]
    return (*(tuple(row.tolist()) for row in each), tuple(map(float, average)))


def interval(zoomed: NDArray[np.bool_], said: NDArray[np.bool_], draws: int = 1000) -> tuple[float, float]:
    """The middle 95 % of F for zoomed over bootstrap draws of pictures (each its own product)."""
    random = np.random.default_rng(0)
    found = []
    for _ in range(draws):
        rows = random.integers(0, len(zoomed), len(zoomed))
        hits = (zoomed[rows] & said[rows]).sum()
        found.append(2 * hits / max(1, zoomed[rows].sum() + said[rows].sum()))
    return tuple(np.quantile(found, (0.025, 0.975)).tolist())


def print_tables(
    scores: dict[str, NDArray[np.float64]], pictures: Sequence[ZoomPicture], seen: NDArray[np.bool_]
) -> None:
    zoomed = np.array([picture.zoomed for picture in pictures])
    fills = np.array([picture.fills for picture in pictures])
    scale = np.array([picture.scale for picture in pictures])
    print(
        f"\n{len(zoomed):,} pictures, {zoomed.sum()} zoomed; "
        f"alone the variance of the Laplacian reaches F {laplacian_f(pictures):.2f}, "
        f"how white the border is {border_f(pictures):.2f}\n"
    )
    print("| model | normal P / R / F | zoomed P / R / F | average P / R / F | F of zoomed, 95 % |")
    print("|---|---|---|---|---|")
    for name, row in PUBLISHED.items():
        print(f"| {name} | " + " | ".join(" / ".join(f"{value:.2f}" for value in kind) for kind in row) + " | |")
    for name, score in scores.items():
        said = score < THRESHOLD
        low, high = interval(zoomed, said)
        cells = " | ".join(" / ".join(f"{value:.3f}" for value in kind) for kind in table_row(zoomed, said))
        print(f"| {name} | {cells} | {low:.3f} to {high:.3f} |")
    print(
        "\n| model | "
        + " | ".join(f"scale {each}" for each in SETTINGS["scales"])
        + " | fills the frame | unlike training |"
    )
    print("|---" * (len(SETTINGS["scales"]) + 3) + "|")
    for name, score in scores.items():
        said = score < THRESHOLD
        parts = [scale == each for each in SETTINGS["scales"]] + [fills, ~seen]
        print(f"| {name} | " + " | ".join(f"{table_row(zoomed[part], said[part])[1][2]:.3f}" for part in parts) + " |")
    counts = [f"{zoomed[part].sum()} of {part.sum()}" for part in parts]
    print("| (zoomed of all) | " + " | ".join(counts) + " |")


def print_grounds(models: Sequence[str], work: Path) -> None:
    """F of zoomed and of normal on each ground; grounds that are not there are left out."""
    grounds = [ground for ground in GROUNDS if (work / f"test-{ground}.parquet").exists()]
    print("\n| F of zoomed / normal | " + " | ".join(f"ground {ground}" for ground in grounds) + " |")
    print("|---" * (len(grounds) + 1) + "|")
    for name in models:
        cells = []
        for ground in grounds:
            pictures = pictures_to_judge(work, ground)
            said = scores_of(name, work, ground, pictures) < THRESHOLD
            normal, zoomed, _ = table_row(np.array([picture.zoomed for picture in pictures]), said)
            cells.append(f"{zoomed[2]:.3f} / {normal[2]:.3f}")
        print(f"| {Path(name).name} | " + " | ".join(cells) + " |")


def like_training(photos: Path, pictures: Sequence[ZoomPicture], sources: Path) -> NDArray[np.bool_]:
    """Whether the photo that a test picture was made of has the difference hash of one that training saw."""
    trained = {difference_hash(row["bytes"]) for row in _images(photos / "train.parquet").values()}
    tested: dict[str, bytes] = {}
    for name in SETTINGS["sources"]:
        tested |= {key: difference_hash(row["bytes"]) for key, row in _images(sources / name).items()}
    return np.array([tested[picture.product_id] in trained for picture in pictures])


def difference_hash(picture: bytes) -> bytes:
    """64 bits: is each cell of a 9x8 thumbnail brighter than its right neighbour?"""
    grey = np.asarray(decode(picture).convert("L").resize((9, 8), Image.Resampling.BOX), np.int16)
    return np.packbits(grey[:, :-1] > grey[:, 1:]).tobytes()


def _images(file: Path) -> dict[str, dict]:
    table = pq.read_table(file, columns=["id", "image"])
    return dict(zip(map(str, table["id"].to_pylist()), table["image"].to_pylist(), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    data = commands.add_parser("data")
    data.add_argument("photos", type=Path)
    data.add_argument("-o", "--output", type=Path, required=True)
    score = commands.add_parser("score")
    score.add_argument("work", type=Path)
    score.add_argument("models", nargs="+", help="'svm', or a model folder")
    score.add_argument("--photos", type=Path, help="fashion-photos, to set apart what looks like a training photo")
    asked = parser.parse_args()
    if asked.command == "data":
        make_data(asked.photos, asked.output)
        return
    pictures = pictures_to_judge(asked.work, "own")
    scores = {Path(name).name: scores_of(name, asked.work, "own", pictures) for name in asked.models}
    seen = np.zeros(len(pictures), bool)
    if asked.photos:
        seen = like_training(asked.work / "photos", pictures, asked.photos)
    print_tables(scores, pictures, seen)
    print_grounds(asked.models, asked.work)


if __name__ == "__main__":
    main()
