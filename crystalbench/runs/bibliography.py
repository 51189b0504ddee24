"""What to cite for runs: crystalbench, and what the records that they used declare."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from crystalbench.citations import Entry, cited, own
from crystalbench.crystals.convert import Backend
from crystalbench.errors import PluginError
from crystalbench.plugins import Plugins
from crystalbench.runs.config import RunConfig

LIBRARIES = {Backend.SPGLIB: "togo2024spglib", Backend.MOYO: "shinohara2026moyo"}
"""What converts structures; other libraries are cited by the records that use them."""

NUMERICS = "harris2020array"


def bibliography(manifests: Iterable[Mapping[str, Any]], plugins: Plugins) -> str:
    """Return BibTeX of one run or more, each entry once with a line on who cites it.

    Records that declare nothing are named in a comment.

    Raises
    ------
    PluginError
        A record cites what is no entry, or two cite different entries under one key.
    """
    read = list(manifests)
    entries: dict[str, Entry] = {}
    users: dict[str, list[str]] = {}
    silent: dict[str, list[str]] = {}
    sources: list[tuple[str, tuple[Entry, ...]]] = [("this benchmark", (own(read[-1]["crystalbench"]),))]
    for kind, name in dict.fromkeys(record for manifest in read for record in _records(manifest, plugins)):
        spec = getattr(plugins, kind).get(name)
        one = kind.removesuffix("s")
        if spec is None:
            silent.setdefault("not known here", []).append(f"{one} {name}")
        elif not spec.cite:
            silent.setdefault("declares nothing to cite", []).append(f"{one} {name}")
        else:
            try:
                sources.append((f"{one} {name}", cited(spec.cite)))
            except PluginError as error:
                raise PluginError(f"{one} {name} cites {error}") from error
    backends = dict.fromkeys(Backend(manifest["conversion"]["backend"]) for manifest in read)
    sources += [(f"library {backend}", cited((LIBRARIES[backend],))) for backend in backends]
    sources.append(("library numpy", cited((NUMERICS,))))
    for user, found in sources:
        for entry in found:
            key = entry.key.casefold()  # BibTeX does not tell keys by their case
            if entries.setdefault(key, entry) != entry:
                raise PluginError(f"{user} and {users[key][0]} cite different entries under the key {entry.key!r}")
            users.setdefault(key, []).append(user)
    blocks = [f"{_comment(_by_kind(users[key]))}\n{entry}" for key, entry in entries.items()]
    blocks += [_comment(f"{what}: {_by_kind(named)}") for what, named in silent.items()]
    return "\n\n".join(blocks) + "\n"


def _records(manifest: Mapping[str, Any], plugins: Plugins) -> Iterator[tuple[str, str]]:
    """Yield kind and name of every record that a run used, as its manifest names them."""
    yield "datasets", manifest["dataset"]["name"]
    config = RunConfig.from_mapping(manifest["config"])
    for row in manifest["generators"]:
        name = config.of(row["name"]).known_as
        if row["reader"] is None or name in plugins.generators:  # a row of files may be of any name
            yield "generators", name
        if row["reader"] is not None:
            yield "readers", row["reader"]
    for kind in ("metrics", "encoders"):
        yield from ((kind, part["name"]) for part in manifest[kind])
    if energies := manifest.get("energies"):
        yield from (("potentials", part["name"]) for part in energies["potentials"])
        yield from ((f"{kind}s", energies[kind]["name"]) for kind in ("hull", "realiser"))


def _by_kind(records: Iterable[str]) -> str:
    """Put "metric a", "metric b" together as "metric a, b"."""
    kinds: dict[str, list[str]] = {}
    for kind, _, name in (record.partition(" ") for record in records):
        kinds.setdefault(kind, []).append(name)
    return "; ".join(f"{kind} {', '.join(names)}" for kind, names in kinds.items())


def _comment(text: str) -> str:
    return f"% {text.replace('@', ' at ')}"  # to BibTeX an @ begins an entry wherever it stands
