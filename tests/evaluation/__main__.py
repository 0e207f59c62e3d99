"""`make eval`: measures order, level and steadiness of the score on texts and speech of our own, without a network."""

import argparse
import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.evaluation.product import open_product
from tests.evaluation.result import RunResult, load_run, merged, save
from tests.evaluation.run import VOICE_PAIRS, Keep, Suite, run, suites
from tests.evaluation.speech.cache import ROOT
from tests.evaluation.speech.studio import PAIRS, open_studio

DOCS = Path(__file__).parents[2] / "docs" / "evaluation"
BEFORE = DOCS / "before.json"  # the scorer that this evaluation was first run on


def main() -> None:
    """Run the chosen suites; with `--report`, write docs/evaluation anew."""
    arguments = _parser().parse_args()
    table = suites(arguments.pairs, arguments.extra)
    unknown = sorted(set(arguments.only) - set(table))
    if unknown:
        sys.exit(f"There is no suite {', '.join(unknown)}. These are there: {', '.join(table)}.")
    chosen = {name: suite for name, suite in table.items() if not arguments.only or name in arguments.only}
    earlier = load_run(arguments.out) if arguments.only and arguments.out.exists() else None

    def keep(found: RunResult) -> None:
        save(found if earlier is None else merged(earlier, found), arguments.out)

    asyncio.run(_measure(chosen, arguments.url, keep))
    _show(f"The figures are in {arguments.out}.")
    if arguments.report:
        _write_report(load_run(arguments.out))


def _write_report(after: RunResult) -> None:
    # Imported here, since matplotlib takes a second.
    from tests.evaluation.picture import draw  # noqa: PLC0415
    from tests.evaluation.report import PICTURE, readme_lines, report, summary  # noqa: PLC0415

    before = load_run(BEFORE)
    (DOCS / "report.md").write_text(report(before, after))
    draw(before, after, DOCS / PICTURE)
    _show("\n".join(summary(after)))
    _show(f"The report is in {DOCS}. For the README:\n")
    _show("\n".join(readme_lines(before, after)))


async def _measure(chosen: Mapping[str, Suite], url: str | None, keep: Keep) -> None:
    with open_studio() as studio:
        async with open_product(url) as product:
            await run(product, studio, chosen, _show, keep)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation", description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], metavar="SUITE", help="run these, keep the others' figures")
    parser.add_argument("--pairs", nargs="+", default=VOICE_PAIRS, choices=list(PAIRS), help="pairs of voices")
    parser.add_argument("--extra", nargs="+", default=[], type=Path, metavar="FILE", help="dialogues from elsewhere")
    parser.add_argument("--url", help="measure a running server instead of the code here")
    parser.add_argument("--out", type=Path, default=ROOT / "figures.json", help="where the figures go")
    parser.add_argument("--report", action="store_true", help="write docs/evaluation anew")
    return parser


def _show(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
