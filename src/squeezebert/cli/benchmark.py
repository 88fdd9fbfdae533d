"""``squeezebert benchmark``: this package beside its peers, on this machine."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from squeezebert.cli import options
from squeezebert.cli.output import STDOUT, check_output, show_fields
from squeezebert.errors import OptionError

if TYPE_CHECKING:
    from squeezebert.benchmark import Plan, Results, Settings
    from squeezebert.benchmark.workloads import Batch

_LEAST_ROUNDS = 1


def _names(option: str, values: tuple[str, ...]) -> list[str]:
    """Names may be repeated options or lists with commas.

    Raises:
        OptionError: The option is given without a name.
    """
    names = [name.strip() for value in values for name in value.split(",") if name.strip()]
    if values and not names:
        raise OptionError(f"{option} names nothing; leave it out for all")
    return names


@click.command()
@click.option(
    "--peers", multiple=True, metavar="NAMES",
    help="Peers or runtimes, with commas between: squeezebert, torch, openvino-int8 … All by default.",
)  # fmt: skip
@click.option("--models", multiple=True, metavar="NAMES", help="Models, with commas between. All by default.")
@click.option("--work", multiple=True, metavar="NAMES", help="Works, such as 1x128. All by default.")
@click.option("--rounds", type=int, default=5, show_default=True, metavar="N", help="Turns of each row.")
@click.option(
    "--seconds", type=float, default=1.5, show_default=True, metavar="S",
    help="Time to measure a row, over all its turns; slow rows take 3 turns at least.",
)  # fmt: skip
@options.threads_option
@click.option("--output", metavar="FILE", help="Add the results to this JSON file, which is made if missing.")
@click.option("--table", metavar="FILE", help="Write the table there too, as Markdown.")
@click.option("--chart", metavar="FILE", help="Draw the results, as .png or .svg.")
@click.option("--cache", metavar="FOLDER", help="Keep exported models there; by default in the user's cache.")
@options.dry_run_option
@options.json_option
@options.verbose_option
def command(
    peers: tuple[str, ...], models: tuple[str, ...], work: tuple[str, ...], rounds: int, seconds: float,
    threads: int | None, output: str | None, table: str | None, chart: str | None, cache: str | None,
    dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Compare the speed of this package with other runtimes and models, on this machine.

    Everything that is compared is measured in the same minutes: each peer in a process of its own, taking
    turns, each turn after a pause and a warm-up. Models have random weights of the published sizes. Peers
    that are not installed are named and skipped: pip install 'squeezebert[bench]'. Keep the machine idle
    meanwhile.
    """
    from squeezebert.benchmark import Settings, make_plan
    from squeezebert.benchmark.chart import check_chart, draw
    from squeezebert.benchmark.table import table as table_of
    from squeezebert.benchmark.workloads import make_batch
    from squeezebert.files import check_folder, write_text
    from squeezebert.threads import check_threads

    plan = make_plan(_names("--peers", peers), _names("--models", models), _names("--work", work))
    if rounds < _LEAST_ROUNDS:
        raise OptionError(f"--rounds {rounds} is not positive")
    if not 0 < seconds < float("inf"):
        raise OptionError(f"--seconds {seconds} is not positive")
    given = [name for name in (output, table, chart) if name is not None]
    for name in given:
        if name == STDOUT:
            raise OptionError(f"{name} is no file; the standard output gets the table, or --json the results")
        check_output(name)
    if len({Path(name).resolve() for name in given}) < len(given):
        raise OptionError(f"{', '.join(given)}: two of them are one file; give each a name of its own")
    if chart is not None:
        check_chart(Path(chart))
    if cache is not None:
        check_folder(cache)
    settings = Settings(check_threads(threads), _cache(cache), rounds=rounds, seconds=seconds)
    check_folder(settings.cache)
    batches = {work.name: make_batch(work) for work in plan.works}
    path = None if output is None else Path(output)
    results = _begun(plan, settings, batches, path)
    if dry_run:
        show_fields(_shown(plan, settings), as_json=as_json)
        return
    results = _measure(plan, settings, batches, results, path)
    if not results.fields["rows"]:
        raise OptionError("nothing could be measured; the lines above say why each was skipped")
    if table is not None:
        write_text(Path(table), table_of(results))
    if chart is not None:
        draw(results, Path(chart))
    click.echo(json.dumps(results.fields, ensure_ascii=False) if as_json else table_of(results), nl=as_json)


def _begun(plan: Plan, settings: Settings, batches: Mapping[str, Batch], output: Path | None) -> Results:
    """What the measuring adds to: the rows of an earlier one, if they go together."""
    from squeezebert.benchmark.machine import describe_machine, describe_versions
    from squeezebert.benchmark.results import Conditions, Results

    results = Results.empty(
        Conditions(settings.threads, describe_machine(), describe_versions(), batches, plan.missing)
    )
    if output is not None and output.exists():
        earlier = Results.read(output)
        results.check_extends(earlier, output)
        results = results.merged(earlier)
    return results


def _measure(
    plan: Plan, settings: Settings, batches: Mapping[str, Batch], results: Results, output: Path | None
) -> Results:
    """Measure group by group, and write what there is after each."""
    from tqdm import tqdm

    from squeezebert.benchmark.schedule import count_steps, run_group

    for name, reason in plan.missing.items():
        click.echo(f"squeezebert: skipped: {name} {reason}", err=True)
    steps = sum(count_steps(group, batches, settings.rounds) for group in plan.groups)
    with tqdm(
        total=steps, unit=" steps", file=sys.stderr, dynamic_ncols=True, leave=False,
        disable=not sys.stderr.isatty(),
    ) as bar:  # fmt: skip

        def advance(what: str) -> None:
            bar.set_postfix_str(what, refresh=False)
            bar.update()

        for group in plan.groups:
            ids = {name: batch.ids for name, batch in batches.items()}
            run = run_group(group, ids, settings, advance)
            for contestant, reason in run.skipped.items():
                tqdm.write(
                    f"squeezebert: skipped: {contestant.peer.name} on {contestant.model.name}: {reason}",
                    file=sys.stderr,
                )
            results = results.add(run, settings)
            if output is not None:
                results.write(output)
    return results


def _shown(plan: Plan, settings: Settings) -> dict[str, Any]:
    from squeezebert.benchmark.schedule import count_rows

    works = [work.name for work in plan.works]
    return {
        "peers": list(dict.fromkeys(c.peer.name for group in plan.groups for c in group.contestants)),
        "models": list(dict.fromkeys(c.model.name for group in plan.groups for c in group.contestants)),
        "works": works,
        "ceilings": [c.peer.name for group in plan.groups for c in group.ceilings],
        "rows": sum(count_rows(group, works) for group in plan.groups),
        "rounds": settings.rounds,
        "threads": settings.threads,
        "cache": str(settings.cache),
        "missing": dict(plan.missing) or "none",
    }


def _usual_cache() -> Path:
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError as error:
        raise OptionError("there is no home folder for exported models; give --cache FOLDER") from error
    return Path(base, "squeezebert", "benchmark")


def _cache(folder: str | None) -> Path:
    """The folder for this combination of versions: an export of another one must not be measured."""
    import hashlib

    from squeezebert.benchmark.machine import describe_versions

    root = _usual_cache() if folder is None else Path(folder)
    versions = json.dumps(describe_versions(), sort_keys=True)
    return root.absolute() / hashlib.sha256(versions.encode()).hexdigest()[:12]
