"""`crystalbench size-effect`: how FWD depends on the number of samples, as data and as a picture."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from statistics import fmean, stdev

import click

from crystalbench import ConfigError, MetricResult, NotComputable, SampleSet, ScoreInput
from crystalbench.cli.completion import record
from crystalbench.crystals.samples import Converted
from crystalbench.datasets import Dataset
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import Cache, write_text
from crystalbench.runs.config import RunConfig
from crystalbench.runs.encoder_plan import plan_encoders
from crystalbench.runs.folder import RunFolder, csv_text
from crystalbench.runs.progress import Report, bar, silent
from crystalbench.runs.score import cached_encoders
from crystalbench.tables.charts import Curve, curves, standalone
from crystalbench_plugins.metrics import fwd
from crystalbench_plugins.metrics._embedded import encodable, reference_rows
from crystalbench_plugins.metrics._frechet import distance, extrapolated, fit

SIZES = "500,1000,2000,5000,10000"
MOST_BLOCKS = 10


@dataclass(frozen=True, slots=True)
class Point:
    """FWD of ``n`` samples of a generator.

    Attributes
    ----------
    blocks
        Disjoint sets of samples, each against reference rows of its own, that the values are means over.
    fwd, corrected
        Plain value, and extrapolated to infinitely many samples.
    fwd_std, corrected_std
        Sample standard deviations over the blocks; "" for one.
    low, high
        The 95 % interval that the metric gives the first block.
    floor
        As in the metric; "" where there are too few reference rows.
    """

    encoder: str
    generator: str
    title: str
    n: int
    blocks: int
    fwd: float
    fwd_std: float | str
    corrected: float
    corrected_std: float | str
    low: float
    high: float
    floor: float | str


@click.command(name="size-effect")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--sizes", default=SIZES, show_default=True, help="Numbers of samples.")
@click.option("-e", "--encoder", type=record("encoders"), default="", help="Encoder.  [default: that of the run]")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Folder for size-effect.csv and .svg.  [default: RUN]"
)
def command(run: Path, sizes: str, encoder: str, out: Path | None) -> None:
    """Compute FWD, plain and extrapolated, of sets of samples of every generator in RUN."""
    numbers = sorted(map(_size, sizes.split(",")))
    total = len(numbers) * len(RunFolder(run).manifest()["generators"])
    with bar("measuring", total, "points") as report:
        points = list(measure(run, numbers, encoder, report))
    if not points:
        raise ConfigError(f"{run}: no generator has {numbers[0]} samples")
    folder = out or run
    header = (field.name for field in fields(Point))
    write_text(folder / "size-effect.csv", csv_text(header, map(astuple, points)))
    write_text(folder / "size-effect.svg", draw(points))
    click.echo(f"{folder / 'size-effect.csv'} and .svg: {len(points)} points")


def measure(run: Path, sizes: Sequence[int], chosen: str = "", report: Report = silent) -> Iterator[Point]:
    """Yield the points of every generator of a run, of its first replica; sizes beyond its samples are left out.

    Raises
    ------
    ConfigError
        There is no encoder, or not the one that the run used.
    """
    folder, plugins = RunFolder(run), Plugins.load()
    manifest = folder.manifest()
    config = RunConfig.from_mapping(manifest["config"] | ({"encoders": [chosen], "encoder": {}} if chosen else {}))
    plans, missing = plan_encoders(config, plugins)
    if not plans:
        raise ConfigError(missing)
    dataset = Dataset(plugins.datasets[manifest["dataset"]["name"]], config.conversion.table)
    (cached, *_) = cached_encoders(plans, dataset, Cache()).values()
    encoder = plans[0].shown or plans[0].spec.title
    for number, generator in enumerate(manifest["generators"]):
        name = generator["replicas"][0].get("samples")
        drawn = folder.read_samples(name, dataset.table).items if name else ()
        for place, n in enumerate(sizes):
            report(number * len(sizes) + place, f"{n:,} samples of {generator['title']}")
            if n > len(drawn):
                break
            given = ScoreInput(
                samples=SampleSet(drawn[:n]), parameters={}, seed=config.seed, dataset=dataset, encoder=cached
            )
            try:
                plain, better = fwd.compute(given), fwd.compute_corrected(given)
            except NotComputable:
                continue
            yield _point(encoder, generator, plain, better, list(_blocks(given, drawn, n)))
    report(len(sizes) * len(manifest["generators"]))


def _blocks(given: ScoreInput, drawn: Sequence[Converted], n: int) -> Iterator[tuple[float, float]]:
    """Yield plain and extrapolated value of disjoint sets of n samples and n reference rows."""
    for block in range(min(MOST_BLOCKS, len(drawn) // n, len(given.reference) // n)):
        samples = SampleSet(tuple(drawn[block * n : (block + 1) * n]))
        x = encodable(given, sorted(item.label for item in samples.valid)).embeddings
        y = encodable(given, reference_rows(given, len(x), skip=block * n)).embeddings
        if min(len(x), len(y)) >= fwd.LEAST:
            yield distance(fit(x), fit(y)), extrapolated(x, y, given.seed)


def draw(points: list[Point]) -> str:
    """Return the picture: plain values dashed, extrapolated ones with the interval of a single run."""
    titles = list(dict.fromkeys(point.title for point in points))
    series = []
    for colour, title in enumerate(titles):
        own = [point for point in points if point.title == title]
        series.append(Curve(f"{title}: FWD", tuple((p.n, p.fwd) for p in own), colour=colour, dashed=True))
        intervals = tuple((p.low, p.high) for p in own)
        series.append(Curve(f"{title}: FWD∞", tuple((p.n, p.corrected) for p in own), intervals, colour))
    upward = f"FWD ({points[0].encoder}), square-root scale"
    return standalone(curves(series, "number of samples, and of reference rows", upward))


def _point(
    encoder: str,
    generator: dict[str, str],
    plain: MetricResult,
    better: MetricResult,
    blocks: list[tuple[float, float]],
) -> Point:
    plains, betters = zip(*blocks, strict=True) if blocks else ((plain.value,), (better.value,))
    floor = plain.details["floor"]
    low, high = better.interval or (better.value, better.value)
    return Point(
        encoder=encoder,
        generator=generator["name"],
        title=generator["title"],
        n=plain.n,
        blocks=len(plains),
        fwd=fmean(plains),
        fwd_std=stdev(plains) if len(plains) > 1 else "",
        corrected=fmean(betters),
        corrected_std=stdev(betters) if len(betters) > 1 else "",
        low=low,
        high=high,
        floor=floor if isinstance(floor, float) else "",
    )


def _size(text: str) -> int:
    if not text.strip().isdecimal() or int(text) < fwd.LEAST:
        raise ConfigError(f"--sizes {text!r}: expected whole numbers of at least {fwd.LEAST}, with commas")
    return int(text)
