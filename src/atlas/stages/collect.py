"""`collect`: the pages of stores, or lists of urls, to a crawl folder of listings and pictures."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path as FilePath

from atlas.collect.crawl import Crawl, run
from atlas.collect.crawl_log import LOG_FILE
from atlas.collect.export import LISTINGS_FILE, write_listings
from atlas.collect.guard import RefusedError, clean_url
from atlas.collect.keep import IMAGES, PAGES, ask_for_lost, locked, remove_leftovers
from atlas.collect.ledger import LEDGER_FILE, Ledger, check_crawl
from atlas.collect.links import Target
from atlas.collect.polite import Host
from atlas.collect.reach import Fault
from atlas.collect.reading.selectors import check_selectors
from atlas.collect.reread import read_kept_pages
from atlas.collect.shop import rules_of, shop_of, what_is_off
from atlas.collect.single import fetch_page
from atlas.collect.store_file import StoreFile, load_store_file
from atlas.errors import NothingDoneError, RecipeError, UsageError
from atlas.progress import Progress, Silent
from atlas.recipe import with_setting
from atlas.records import Path
from atlas.stages.crawl_display import Display
from atlas.stages.crawl_summary import CollectSummary, summary_of, why_nothing
from atlas.stages.url_lists import UrlList, is_url_list, read_url_list

__all__ = ["CollectOptions", "CollectSummary", "collect", "extract_again", "fetch_page"]


@dataclass(frozen=True)
class CollectOptions:
    """What `atlas collect` can be told; see its help."""

    settings: tuple[str, ...] = ()  # KEY=VALUE over every store file
    columns: tuple[str, ...] = ()  # KEY=COLUMN for url lists
    limit: int | None = None


@dataclass(frozen=True)
class _Source:
    """One store, and its rows where it is a list of urls."""

    store: StoreFile
    entries: UrlList | None = None

    @property
    def fingerprint(self) -> str:
        """What must not change while a crawl is taken up again."""
        told = {"rules": rules_of(self.store), "start": [asdict(start) for start in self.store.start]}
        rows = [(asdict(entry.listing), entry.split) for entry in self.entries.entries] if self.entries else []
        return hashlib.sha256(json.dumps([told, rows]).encode()).hexdigest()[:16]


def collect(
    sources: Sequence[FilePath],
    output: FilePath,
    options: CollectOptions | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> CollectSummary:
    """Crawl stores (`.toml`) and download lists of urls (JSON, tables) into the crawl folder `output`.

    A folder that holds a finished crawl is brought up to date: only what changed is fetched. A crawl that was stopped
    or killed goes on with `resume` and ends with the listings of an unbroken one. Raises UsageError when sources and
    folder do not fit, NothingDoneError when the folder holds no listing afterwards, or no picture of a list,
    KeyboardInterrupt after a clean stop by Ctrl-C.
    """
    options, progress = options or CollectOptions(), progress or Silent()
    opened = _open_sources(sources, options)
    _claim(output, overwrite=overwrite)
    with locked(output):
        remove_leftovers(output)
        ledger = Ledger(output, create=True)
        try:
            return _collect(output, ledger, opened, options, resume, progress)
        finally:
            ledger.close()


def extract_again(output: FilePath, sources: Sequence[FilePath], progress: Progress | None = None) -> CollectSummary:
    """Read the pages that a crawl kept by today's store files, without a network, and write its listings anew.

    Links that are new are asked by the next crawl. Raises UsageError when the crawl kept no page.
    """
    check_crawl(output)
    opened = _open_sources(sources, CollectOptions())
    with locked(output):
        ledger = Ledger(output)
        try:
            read_kept_pages(
                output, ledger, {source.store.name: source.store for source in opened}, progress or Silent()
            )
            return _summary(output, ledger, opened, {})
        finally:
            ledger.close()


def _collect(
    output: FilePath,
    ledger: Ledger,
    sources: Sequence[_Source],
    options: CollectOptions,
    resume: bool,
    progress: Progress,
) -> CollectSummary:
    _begin(ledger, sources, options, resume, output)
    stores = {source.store.name: source.store for source in sources}
    progress.begin("collect")
    show = Display(progress)
    crawl = run(lambda: Crawl(output, ledger, stores, limit=options.limit, seen=show), output)
    show(crawl, last=True)
    summary = _summary(output, ledger, sources, crawl.frontier.hosts)
    if crawl.interrupted:
        raise KeyboardInterrupt
    only_lists = all(source.entries for source in sources)
    pictures = sum(row["pictures"] for row in summary.record["stores"].values())
    if not summary.record["listings"] or (only_lists and not pictures):
        raise NothingDoneError(why_nothing(summary))
    return summary


def _summary(output: FilePath, ledger: Ledger, sources: Sequence[_Source], hosts: Mapping[str, Host]) -> CollectSummary:
    """Write the listings, and tell what is there now."""
    listings = write_listings(output, ledger)
    ledger.finish()
    stores = {source.store.name: source.store for source in sources}
    skipped = [source.entries.skipped for source in sources if source.entries]
    return summary_of(output, ledger, stores, hosts, listings, {key: n for rows in skipped for key, n in rows.items()})


# -- before ----------------------------------------------------------------------------------------------------------


def _open_sources(files: Sequence[FilePath], options: CollectOptions) -> list[_Source]:
    sources = [_open_source(file, options) for file in files]
    names = [source.store.name for source in sources]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice or not names:
        raise UsageError(f"two sources are called '{twice}': give each its own name" if twice else "name a store file")
    return sources


def _open_source(file: FilePath, options: CollectOptions) -> _Source:
    entries = None
    if file.suffix.lower() == ".toml":
        store = load_store_file(file)
        check_selectors(store)
    elif is_url_list(file):
        entries = read_url_list(file, options.columns, options.limit)
        store = StoreFile(
            "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in entries.name) or "list"
        )
    elif not file.exists():
        raise UsageError(f"{file} does not exist: name a store file (.toml) or a list of urls")
    else:
        raise UsageError(f"{file} is neither a store file (.toml) nor a list of urls (.json, .csv, .jsonl, .parquet)")
    for setting in options.settings:
        store = with_setting(store, setting)
    if entries is None and not store.start:
        raise RecipeError(f"{file} has no start: name a url or a start_table")
    shop_of(store)  # says now what is wrong with its exceptions
    return _Source(store, entries)


def _claim(output: FilePath, *, overwrite: bool) -> None:
    """Make the folder ready. Raises UsageError when it holds something else than a crawl."""
    is_crawl = (output / LEDGER_FILE).is_file()
    if output.exists() and not is_crawl and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(f"{output} exists and is no crawl: name a new folder with -o")
    if is_crawl and overwrite:
        for name in (IMAGES, PAGES):
            shutil.rmtree(output / name, ignore_errors=True)
        for file in [*output.glob(f"{LEDGER_FILE}*"), output / LISTINGS_FILE, output / LOG_FILE]:
            file.unlink(missing_ok=True)
    output.mkdir(parents=True, exist_ok=True)


def _begin(ledger: Ledger, sources: Sequence[_Source], options: CollectOptions, resume: bool, output: FilePath) -> None:
    """Open a round, or the last one again, and write down where it starts."""
    prints = {source.store.name: source.fingerprint for source in sources}
    if resume and ledger.round:
        if not ledger.unfinished:
            raise UsageError(f"{output} is finished; nothing to resume: without --resume it fetches what changed")
        if json.loads(ledger.meta("sources") or "{}") != prints:
            raise UsageError(
                f"{output} was begun with other stores or lists: use the same again, or leave out --resume"
            )
    again = resume and ledger.round > 0
    ledger.begin(resume=resume)
    with ledger.change() as db:
        ask_for_lost(output, db, ledger.round)
    for source in sources:
        ledger.set_store(source.store.name, asdict(source.store), rules_of(source.store), what_is_off(source.store))
    if again and ledger.meta("seeded") == str(ledger.round):
        return
    for source in sources:
        _seed(ledger, source)
    ledger.set_meta(sources=json.dumps(prints), seeded=ledger.round, limit=options.limit)


def _seed(ledger: Ledger, source: _Source) -> None:
    if source.entries is None:
        ledger.set_starts(source.store.name, _ranked(source.store))
        return
    rows = (
        (entry.listing, entry.split, tuple(map(_picture, entry.listing.images))) for entry in source.entries.entries
    )
    ledger.add_entries(source.store.name, rows)
    ledger.drop_old_entries(source.store.name)


def _ranked(store: StoreFile) -> list[tuple[str, Path]]:
    """The starts; a product that several of them lead to gets the path that says most, so that one comes first."""
    starts = sorted(store.start, key=lambda start: -len(start.path))
    return [(clean_url(start.url), start.path) for start in starts]


def _picture(url: str) -> Target:
    try:
        return Target("picture", clean_url(url))
    except RefusedError as error:
        return Target("picture", url, Fault("refused", error.reason, error.detail))
