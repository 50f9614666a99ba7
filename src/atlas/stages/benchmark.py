"""Several recipes on one data set under one budget, with several seeds, to one report; resumable run by run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path as FilePath
from statistics import fmean

from atlas.dataset.schema import DatasetFolder, open_dataset
from atlas.errors import MissingExtraError, NothingDoneError, UsageError
from atlas.evaluate.contest import Entry, published_rows, summarize_contest
from atlas.evaluate.contest_report import write_figures, write_page
from atlas.evaluate.intervals import DRAWS
from atlas.evaluate.predictions import read_predictions
from atlas.progress import Progress, Silent
from atlas.stages.benchmark_plan import PLAN_FILE, Entrant, Ledger, Plan
from atlas.stages.hardware import machine
from atlas.stages.trial import PREDICTIONS, Json, Trial, finished_run, note_failure, reason, run_trial
from atlas.storage import claim_output, part_of, publish_folder

#: Of benchmark.json; a reader refuses what it does not know.
VERSION = 1


@dataclass(frozen=True)
class Benchmark:
    """A finished benchmark: its folder, what benchmark.json holds, and why report.html is missing when it is."""

    folder: FilePath
    summary: Json
    without_page: str = ""

    @property
    def failed(self) -> list[Json]:
        """The runs that failed, each with its `error`."""
        return [run for run in self.summary["runs"] if run["error"]]


def benchmark(
    dataset: FilePath,
    output: FilePath,
    plan: Plan,
    *,
    resume: bool = False,
    overwrite: bool = False,
    command: str = "",
    draws: int = DRAWS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Benchmark:
    """Train and measure every recipe with every share and seed, and write the report folder with all runs inside.

    A run that fails is told in the report and costs no other. `resume` takes up a benchmark that was stopped, or one
    that is finished, to add recipes, shares and seeds or to try failed runs again; what is finished is never done
    again. After each round of recipes a report of what is there so far stands in `OUTPUT.part`. Raises UsageError for
    a call that does not fit earlier work, and NothingDoneError when every run failed.
    """
    data = open_dataset(dataset)
    split = _reported(data, plan.split)
    if resume:
        Ledger(_begun(output), data, split, plan)  # refuses what does not fit before anything is touched
    contest = _Contest(data, split, plan, _claim(dataset, output, resume, overwrite), command, draws, seed)
    contest.run(progress or Silent())
    if not any(run["error"] == "" for run in contest.runs):
        first = contest.runs[0]["error"]
        raise NothingDoneError(f"every run failed ({first}); --resume tries them again in {contest.part}")
    summary, without_page = contest.report()
    publish_folder(contest.part, output)
    return Benchmark(output, summary, without_page)


class _Contest:
    """One benchmark under way: its runs so far, and the report of them."""

    def __init__(
        self, data: DatasetFolder, split: str, plan: Plan, part: FilePath, command: str, draws: int, seed: int
    ) -> None:
        self.data, self.split, self.plan, self.part = data, split, plan, part
        self.command, self.draws, self.seed = command, draws, seed
        self.ledger = Ledger(part, data, split, plan)
        self.ledger.keep()
        self.rounds = [[self.ledger.trial(*asked) for asked in group] for group in plan.rounds()]
        self.trials: list[Trial] = []
        self.runs: list[Json] = []

    def run(self, progress: Progress) -> None:
        """Do what is missing, in order, with a report after each round that brought something new."""
        total = sum(map(len, self.rounds))
        progress.say(self._outlook(total))
        for number, group in enumerate(self.rounds, 1):
            known = [finished_run(trial.folder) for trial in group]
            for trial, found in zip(group, known, strict=True):
                place = f"run {len(self.runs) + 1} of {total}, {trial.title}"
                run = found or self._do(trial, place, progress)
                self.trials.append(trial)
                self.runs.append(run)
                progress.say(f"{place}: {run['error'] or _outcome(run)}")
            if number < len(self.rounds) and None in known and any(not run["error"] for run in self.runs):
                _, without_page = self.report()
                progress.say(f"so far: {self.part / ('benchmark.json' if without_page else 'report.html')}")

    def _outlook(self, total: int) -> str:
        """How much work there is."""
        left = sum(finished_run(trial.folder) is None for group in self.rounds for trial in group)
        line = f"{total} runs, {total - left} of them finished" if left < total else f"{total} runs"
        minutes = self.plan.core_minutes
        if minutes is None or not left:
            return line
        return f"{line}; {minutes:g} core-minutes of training each at most, about {left * minutes / 60:.2g} core-hours"

    def _do(self, trial: Trial, place: str, progress: Progress) -> Json:
        """One run; a failure becomes its record. A disk that is full or closed to us stops everything."""
        progress.say(f"{place}: begins")
        try:
            return run_trial(self.ledger.with_length(trial), self.data, self.split, progress)
        except OSError:
            raise
        except Exception as error:  # one bad recipe never costs the good ones, whatever it does
            return note_failure(trial, self.data, self.split, reason(error))

    # -- telling -----------------------------------------------------------------------------------------------------

    def report(self) -> tuple[Json, str]:
        """Write benchmark.json, the tables and the page of all runs so far; returns the first, and why no page."""
        summary = self._summary()
        write_figures(summary, self.part)
        try:
            write_page(summary, self.part)
        except MissingExtraError as error:
            return summary, str(error)
        return summary, ""

    def _summary(self) -> Json:
        asked = [(entrant, portion.share) for portion in self.plan.portions for entrant in self.plan.entrants]
        lines = [self._line(entrant, share) for entrant, share in asked]
        measured = [entry for entry in map(self._entry, lines) if entry is not None]
        scores = summarize_contest(measured, self.plan.entrants[0].label, self.draws, self.seed)
        found = {(entry["label"], entry["share"]): place for place, entry in enumerate(scores["entries"])}
        places = [found.get((line["label"], line["share"])) for line in lines]
        unmeasured: Json = {"seeds": [], "scores": None, "without_near_train": None}
        scores["entries"] = [
            (unmeasured if place is None else scores["entries"][place]) | line
            for place, line in zip(places, lines, strict=True)
        ]
        for leaf in scores["leaves"]:
            leaf["entries"] = [None if place is None else leaf["entries"][place] for place in places]
        return {
            "version": VERSION,
            "dataset": {
                "name": self.data.folder.name,
                "digest": self.data.digest,
                "taxonomy": self.data.taxonomy.digest,
                "answers": len(self.data.taxonomy.answers),
                "pictures": self.data.splits,
            },
            "split": self.split,
            "core_minutes": self.plan.core_minutes,
            "precision": self.ledger.content["precision"],
            "reference": self.plan.entrants[0].label,
            **scores,
            "runs": self.runs,
            "runs_missing": sum(map(len, self.rounds)) - len(self.runs),
            "published": published_rows(),
            "recipes": {entrant.label: self.ledger.content["recipes"][entrant.label] for entrant in self.plan.entrants},
            "provenance": {"command": self.command, "atlas": version("atlas-categorizer"), "machine": machine()},
        }

    def _line(self, entrant: Entrant, share: float) -> Json:
        """An entry as far as its runs tell it; costs are means over seeds, paths are counted over all seeds."""
        mine = [run for run in self.runs if (run["label"], run["share"]) == (entrant.label, share)]
        done = [run for run in mine if not run["error"]]
        line: Json = {
            "label": entrant.label,
            "recipe": entrant.asked,
            "share": share,
            "decoder": entrant.recipe.decoder.kind,
            "length": self.ledger.content["lengths"].get(f"{entrant.label} {share!r}"),
            "failed": [{"seed": run["seed"], "error": run["error"]} for run in mine if run["error"]],
        }
        return line | (_costs(done) if done else {})

    def _entry(self, line: Json) -> Entry | None:
        """The predictions of an entry's finished runs."""
        done = [
            (trial, run)
            for trial, run in zip(self.trials, self.runs, strict=True)
            if (run["label"], run["share"]) == (line["label"], line["share"]) and not run["error"]
        ]
        if not done:
            return None
        files = tuple(read_predictions(trial.folder / PREDICTIONS) for trial, _ in done)
        return Entry(line["label"], line["share"], tuple(run["seed"] for _, run in done), files)


def _reported(data: DatasetFolder, split: str | None) -> str:
    """The part that is reported on: the one asked for, else the last one that trains and chooses nothing."""
    if split is not None:
        data.files(split)
        if split == "train":
            raise UsageError("--split train: every recipe learns from it, so its scores there say nothing; use another")
        return split
    found = next((name for name in reversed(data.splits) if name not in ("train", "dev")), None)
    if found is None:
        raise UsageError(f"{data.folder} has only {', '.join(data.splits)}: say with --split what to report on")
    return found


def _claim(dataset: FilePath, output: FilePath, resume: bool, overwrite: bool) -> FilePath:
    """The folder to work in; with `resume` a finished benchmark becomes it again, runs and all."""
    if resume and not overwrite and _begun(output) == output:
        output.replace(part_of(output))
    return claim_output(output, resume=resume, overwrite=overwrite, inputs=(dataset,))


def _begun(output: FilePath) -> FilePath:
    """Where earlier work lies: the unfinished folder if there is one, else a finished benchmark's."""
    part = part_of(output)
    return output if not part.exists() and (output / PLAN_FILE).is_file() else part


def _costs(done: Sequence[Json]) -> Json:
    training = [run["training"] for run in done]
    free = [run["free"] for run in done]
    return {
        "training": {
            "pictures": training[0]["pictures"],
            "categories": training[0]["categories"],
            "epochs": [run["epochs"] for run in training],
            "core_minutes": fmean(run["core_minutes"] for run in training),
            "core_ms_per_picture": fmean(run["core_ms_per_picture"] for run in training),
        },
        "prediction": {"core_ms_per_picture": fmean(run["prediction"]["core_ms_per_picture"] for run in done)},
        "constrained": _added([run["constrained"] for run in done], ("pictures", "invalid")),
        "free": None if None in free else _free(free),
    }


def _free(runs: Sequence[Json]) -> Json:
    counts: dict[str, int] = {}
    for run in runs:
        for written in run["paths"]:
            counts[written["path"]] = counts.get(written["path"], 0) + written["count"]
    keys = ("pictures", "invalid", "products", "invalid_products", "unfinished", "short", "right")
    paths = [{"path": path, "count": count} for path, count in counts.items()]
    return {
        **_added(runs, keys),
        "novelty": fmean(run["novelty"] for run in runs),
        "paths": sorted(paths, key=lambda written: (-written["count"], written["path"])),
    }


def _added(runs: Sequence[Json], keys: Sequence[str]) -> Json:
    """The sums of some counts over runs."""
    return {key: sum(run[key] for run in runs) for key in keys}


def _outcome(run: Json) -> str:
    training = run["training"]
    dev = " / ".join(f"{100 * share:.1f}" for share in training["dev_accuracy"]) or "–"
    return f"{training['epochs']} epochs, {training['core_minutes']:.1f} core-minutes, {dev} % right on dev"
