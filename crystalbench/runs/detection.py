"""Which reader understands a file, and what to do where none does or several do."""

from pathlib import Path

from crystalbench.errors import ConfigError
from crystalbench.interfaces import ReaderSpec
from crystalbench.isolation import isolated
from crystalbench.plugins import Plugins
from crystalbench.runs import foreign
from crystalbench.tables.results import Failure


def detect_reader(source: Path, plugins: Plugins, owner: str = "") -> ReaderSpec:
    """Return the one reader that understands ``source``; raises `ConfigError` for none or several.

    Parameters
    ----------
    owner
        What stands before the name of a reader in the flag that names one: ``"my_model="`` in a run.
    """
    if not source.is_file() and not source.is_dir():  # a pipe or device: whoever opens it may wait for ever
        raise ConfigError(f"{source}: {'neither a file nor a folder' if source.exists() else 'no such file or folder'}")
    answers = {reader.name: detects(reader, source) for reader in plugins.readers.values()}
    matches = [plugins.readers[name] for name, answer in answers.items() if answer is True]
    if len(matches) == 1:
        return matches[0]
    failures = [answer for answer in answers.values() if isinstance(answer, Failure)]
    failed = "".join(f"; {f.plugin} failed: {f.error}" for f in failures)
    error = ConfigError(f"{source}: {_problem(source, plugins, matches, failed, owner)}")
    for failure in failures:
        error.add_note(failure.traceback)
    raise error


def named_reader(name: str, source: Path, plugins: Plugins) -> ReaderSpec:
    """Return the reader that the user names for a file, whatever it says of it; raises `ConfigError` for a pickle."""
    reader = plugins.readers[name]
    if (what := foreign.pickled(source)) and detects(reader, source) is not True:
        raise ConfigError(f"{source}: {what}")
    return reader


def _problem(source: Path, plugins: Plugins, matches: list[ReaderSpec], failed: str, owner: str) -> str:
    """What is wrong, and the flag that mends it, as it is typed."""
    if matches:
        names = ", ".join(sorted(r.name for r in matches))
        remedy = f"choose one, for example --reader {owner}{matches[0].name}"
        return f"several readers understand it ({names}){failed}; {remedy}"
    if what := foreign.described(source):
        return f"{what}{failed}"
    likely = [r.name for r in plugins.readers.values() if _plain_name(source).endswith(r.suffixes or ("/",))]
    if likely:
        remedy = f"if it is of format {' or '.join(likely)} all the same, say so: --reader {owner}{likely[0]}"
    else:
        known = ", ".join(sorted(plugins.readers))
        remedy = f"known are {known}; name one by --reader {owner}READER if it is of its format"
    return f"no reader understands it{failed}; {remedy}"


def _plain_name(source: Path) -> str:
    """A file's name in lower case, without the ending of a compressed file."""
    name = source.name.lower()
    return name.rpartition(".")[0] if name.endswith((".gz", ".bz2", ".xz")) else name


def detects(reader: ReaderSpec, source: Path) -> bool | Failure:
    """Whether a reader understands a file; what it raises is a `Failure`."""
    return isolated("detect", f"reader {reader.name}", lambda: bool(reader.detect(source)))
