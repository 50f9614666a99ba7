"""`taxonomy draft`: crawls of several stores to the tree that they share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path as FilePath

from atlas.errors import UsageError
from atlas.progress import Progress
from atlas.stages.store_paths import read_store_paths
from atlas.storage import write_text
from atlas.taxonomy.draft import Draft, draft_tree, format_draft


def draft_taxonomy(
    sources: Sequence[str],
    output: FilePath | None = None,
    *,
    levels: int = 3,
    min_stores: int = 2,
    columns: Sequence[str] = (),
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Draft:
    """The tree of the paths that stores share, written to `output` with its stores in comments where one is named.

    Raises UsageError for an output that exists, and like `taxonomy.draft.draft_tree`.
    """
    if output is not None and output.exists() and not overwrite:
        raise UsageError(f"{output} exists already: use --overwrite to replace it, or another -o")
    draft = draft_tree(read_store_paths(sources, columns, progress=progress), levels, min_stores)
    if output is not None:
        write_text(output, format_draft(draft))
    return draft
