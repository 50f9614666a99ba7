"""`atlas demo`: the whole journey from two drawn shops."""

from __future__ import annotations

import contextlib
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated

import typer

from atlas.cli.options import Json, Output, Overwrite, Quiet

if TYPE_CHECKING:
    from atlas.demo.journey import Journey


def demo(
    output: Output = FilePath("atlas-demo"),
    shops: Annotated[
        bool, typer.Option("--shops", help="Only open the two web shops, until Ctrl-C, to look at and to collect from.")
    ] = False,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Walk the whole way from two small drawn shops.

    Draws pictures of people in garments, collects them from two web shops on this machine, maps the shops' categories
    to one tree, builds a data set, trains a model, predicts products that it has never seen and measures that, with the
    command for each step. Takes a few minutes; called again, it reuses what is there.
    """
    from atlas.cli.screen import print_error, print_json, print_line
    from atlas.demo.journey import Journey

    journey = Journey(output)
    if shops:
        keep_open(journey, json)
        return
    try:
        told = walk(journey, overwrite, json, quiet)
    except KeyboardInterrupt as error:
        print_error("stopped; the same command goes on from here")
        raise typer.Exit(130) from error
    if json:
        print_json({"output": str(output), "steps": told, "next": journey.next_commands})
        return
    print_line("Try next:")
    for command in journey.next_commands:
        print_line(f"   $ {command}")


def keep_open(journey: Journey, json: bool) -> None:
    """Open both shops until somebody presses Ctrl-C, and say what can be done with them."""
    import shlex
    import sys
    from threading import Event

    from atlas.cli.screen import print_json, print_line
    from atlas.demo.gathering import open_own_shops

    with open_own_shops(journey) as shops, contextlib.suppress(KeyboardInterrupt):
        if json:
            stores = [{"url": shop.url, "store_file": str(shop.store_file)} for shop in shops]
            print_json({"stores": stores, "mapping": str(shops.mapping)})
        else:
            for shop in shops:
                print_line(f"{shop.url}/  {len(shop.shop.items):,} products")
            store_files = [str(shop.store_file) for shop in shops]
            print_line(f"   $ {shlex.join(['atlas', 'collect', *store_files, '-o', str(journey.crawl)])}")
            print_line(f"their categories in the tree's words: {shops.mapping}")
            print_line("open until Ctrl-C")
        sys.stdout.flush()  # who reads from a pipe waits for the addresses
        Event().wait()


def walk(journey: Journey, anew: bool, json: bool, quiet: bool) -> list[dict[str, object]]:
    """Take every step, and say what it did; what follows a step that was made now is made anew."""
    import time

    from atlas.cli.screen import print_line, screen_progress

    say = (lambda _line: None) if json else print_line
    told: list[dict[str, object]] = []
    for number, step in enumerate(journey.steps, 1):
        say(f"{number}. {step.title}")
        if step.command:
            say(f"   $ {step.command}")
        started = time.monotonic()
        with screen_progress(quiet, json) as progress:
            made = step.run(progress, anew=anew)
        anew, seconds, lines = anew or made, time.monotonic() - started, step.tell()
        for line in [*lines, f"({seconds:.0f} s)" if made else "(was there already)"]:
            say(f"   {line}")
        say("")
        told.append({"title": step.title, "command": step.command, "made": made, "seconds": seconds, "said": lines})
    return told
