"""Compare generators from a program: in a notebook, or at the end of every epoch of a training."""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeAlias
from weakref import finalize

from crystalbench.errors import ConfigError
from crystalbench.plugins import Plugins
from crystalbench.result import Names, Result, installed, several
from crystalbench.runs.config import RunConfig, merged
from crystalbench.runs.folder import RunFolder, input_name
from crystalbench.runs.inputs import write_inputs
from crystalbench.runs.plan import make_plan
from crystalbench.runs.progress import say, silenced
from crystalbench.runs.run import Run
from crystalbench.runs.suite import with_suite

Samples: TypeAlias = "str | os.PathLike[str] | Iterable[object]"
"""A file or folder that `crystalbench run` reads; crystals or labels in memory; or a list of either, as replicas."""


def evaluate(
    samples: Mapping[str, Samples],
    *,
    dataset: str = "",
    metrics: Names = (),
    n: int | None = None,
    generators: Names = (),
    encoders: Names = (),
    columns: Names = (),
    seed: int = 0,
    suite: str = "",
    settings: Mapping[str, Any] | None = None,
    progress: bool = True,
    plugins: Plugins | Sequence[str | os.PathLike[str]] = (),
) -> Result:
    """Compare samples with a dataset and return the table: what `crystalbench run` does, by the same code.

    Parameters
    ----------
    samples
        By the name of the row: a path (text or `pathlib.Path`); or crystals in memory, each a pymatgen ``Structure``,
        an ASE ``Atoms``, a `RawStructure`, a `Protostructure`, an `Invalid` or the text of a label. A list of lists, or
        of `pathlib.Path`, holds replicas: models trained with different seeds.
    dataset
        What the model was trained on; left out, one is chosen, and ``result.table.settings`` says why.
    metrics, generators, encoders, columns
        Names, in a list or in one text with commas: metrics to compute (left out: the default ones), more rows of known
        generators, encoders of distances, columns that tables of text show.
    n
        Samples asked of every generator, the denominator of its rates; left out: as many as the largest list in memory
        holds, else 1,000.
    seed
        Of everything random.
    suite
        Named settings (`crystalbench suite list`) that stand where nothing else is given, its ``n`` among them.
    settings
        Any other key of the configuration file: ``{"conversion": {"backend": "moyo"}, "workers": 1}``.
    progress
        Show bars (in a notebook and on a terminal), or lines elsewhere; False: nothing is printed.
    plugins
        Python files of plugins, as for ``--plugins``; or `Plugins` in the place of the installed ones.

    Returns
    -------
    Result
        Failures of single cells are in it, and raise nothing.

    Raises
    ------
    ConfigError
        A name, setting or object that cannot be what was meant.

    Notes
    -----
    Structures are converted in worker processes, which do not run the program that calls: a script needs no guard. What
    does not change between two calls (rows of the dataset, their embeddings) comes from the cache.
    """
    if isinstance(samples, str | os.PathLike) or not isinstance(samples, Mapping):
        raise ConfigError('samples must be a mapping of names: evaluate({"my model": ...})')
    if isinstance(plugins, Plugins):
        known = plugins
    else:
        known = Plugins.load(files=map(Path, plugins)) if plugins else installed()
    folder = RunFolder(Path(mkdtemp(prefix="crystalbench-")).resolve())
    forget = partial(shutil.rmtree, folder.path, ignore_errors=True)
    try:
        own: dict[str, dict[str, Any]] = {}
        largest = 0
        for name, given in samples.items():
            files, most = _files(name, given, folder)
            own[name] = {"samples": files}
            largest = max(largest, most)
        config: dict[str, Any] = {"seed": seed, "generator": own} | ({"suite": suite} if suite else {})
        if n is not None or not suite:
            config["n"] = n if n is not None else largest or 1000
        config |= {"dataset": dataset} if dataset else {}
        lists = {"metrics": metrics, "encoders": encoders, "columns": columns}
        config |= {key: list(several(value)) for key, value in lists.items() if value}
        config["generators"] = list(dict.fromkeys((*samples, *several(generators))))
        with silenced(not progress):
            plan = make_plan(RunConfig.from_mapping(with_suite(merged(settings or {}, config), known.suites)), known)
            for warning in plan.warnings:
                say(f"warning: {warning}")
            finished = Run(plan, known, folder, log=say).execute()
    except BaseException:
        forget()
        raise
    result = Result(table=finished.table, failures=finished.failures, folder=finished.folder, _plugins=known)
    finalize(result, forget)
    return result


def _files(name: str, given: Samples, folder: RunFolder) -> tuple[list[str], int]:
    """Return the sample files of a row, and the number of samples in the largest that was in memory."""
    if isinstance(given, str | os.PathLike):
        return [os.fspath(given)], 0
    if not isinstance(given, Iterable) or hasattr(given, "get_scaled_positions") or hasattr(given, "frac_coords"):
        raise ConfigError(f"{name!r}: give a path or a list of crystals, not one {type(given).__name__}")
    items = list(given)
    if not items:
        raise ConfigError(f"{name!r}: no samples; a generator that made none has no row")
    paths = [os.fspath(item) for item in items if isinstance(item, os.PathLike)]
    if len(paths) == len(items):
        return paths, 0
    lists = [item for item in items if isinstance(item, list | tuple)]
    replicas: list[Sequence[object]] = [*lists] if len(lists) == len(items) else [items]
    files, most = [], 0
    for index, replica in enumerate(replicas):
        path = folder.path / input_name(name, index)
        try:
            most = max(most, write_inputs(path, replica))
        except ConfigError as error:
            raise ConfigError(f"{name!r}: {error}") from error
        files.append(str(path))
    return files, most
