"""What a manifest holds: a damaged one is named with the place, before anything is made of it."""

from datetime import datetime
from enum import StrEnum

from crystalbench.errors import ReadError
from crystalbench.strict_data import Node
from crystalbench.tables.results import RowKind

STARTED = (
    *("schema_version", "status", "crystalbench", "started", "key", "config", "warnings", "dataset", "conversion"),
    *("generators", "metrics", "encoders", "reporters", "broken_plugins", "environment"),
)
FINISHED = ("failures", "hook_failures", "seconds", "finished", "files", "digest")
OPTIONAL = ("energies",)
DRAWN = ("samples", "digest", "n", "drawn", "timing", "notes")


class Status(StrEnum):
    """How far a run is."""

    RUNNING = "running"
    FINISHED = "finished"


def check_shape(document: object, file: str) -> None:
    """Raise `ReadError`, with the place, for a value that is absent, unknown or of the wrong type."""
    top = Node(document, file).record(STARTED, (*FINISHED, *OPTIONAL))
    texts = ("crystalbench", "key")
    for name in texts:
        top[name].text()
    times = [_moment(top["started"])]
    for name in ("config", "conversion"):
        top[name].mapping()
    top["warnings"].texts()
    _texts(top["dataset"], ("name", "identity", "reference", "reason"))
    for item in top["metrics"].sequence():
        _texts(item, ("key", "name", "version", "plugin", "missing"), ("encoder",))
    for item in top["encoders"].sequence():
        _texts(item, ("name", "version", "identity", "plugin"))
    for item in top["reporters"].mapping().values():
        item.text()
    for item in top["broken_plugins"].sequence():
        _texts(item, ("name", "module", "error", "traceback"))
    if "energies" in top:
        _energies(top["energies"])
    _environment(top["environment"])
    finished = top["status"].choice(Status) is Status.FINISHED
    for item in top["generators"].sequence():
        _generator(item, finished)
    if finished:
        _finished(Node(document, file).record((*STARTED, *FINISHED), OPTIONAL), times[0])


def _finished(top: dict[str, Node], started: datetime) -> None:
    for name in ("failures", "hook_failures"):
        for item in top[name].sequence():
            _failure(item)
    for item in top["seconds"].mapping().values():
        _time(item)
    if _moment(top["finished"]) < started:
        top["finished"].fail("a time after that of the start")
    for item in (*top["files"].mapping().values(), top["digest"]):
        item.text()


def _texts(node: Node, names: tuple[str, ...], or_none: tuple[str, ...] = ()) -> None:
    record = node.record((*names, *or_none))
    for name, item in record.items():
        if name in names or item.value is not None:
            item.text()


def _failure(node: Node) -> None:
    _texts(node, ("step", "plugin", "error", "traceback"))


def _generator(node: Node, finished: bool) -> None:
    names = ("name", "title", "kind", "key", "reader", "plugin", "parameters", "given", "replicas")
    record = node.record(names)
    for name in ("name", "title", "key", "plugin"):
        record[name].text()
    record["kind"].choice(RowKind)
    if record["reader"].value is not None:
        record["reader"].text()
    record["parameters"].mapping()
    for item in record["given"].mapping().values():
        item.text()
    for item in record["replicas"].sequence():
        _replica(item, finished)


def _replica(node: Node, finished: bool) -> None:
    record = node.record(("seed", "source", "key", "inputs"), (*DRAWN, "failure"))
    record["seed"].count()
    if record["source"].value is not None:
        record["source"].text()
    record["key"].text()
    record["inputs"].mapping()
    if "failure" in record:
        _failure(record["failure"])
    elif finished:
        drawn = node.record(("seed", "source", "key", "inputs", *DRAWN))
        drawn["samples"].text()
        drawn["digest"].text()
        if drawn["n"].count() > drawn["drawn"].count():
            drawn["n"].fail("at most the number that was drawn")
        drawn["notes"].texts()
        if drawn["timing"].value is not None:
            _timing(drawn["timing"])


def _timing(node: Node) -> None:
    record = node.record(("seconds", "cpu_seconds", "load", "device", "threads", "covers"))
    for name in ("seconds", "cpu_seconds", "load"):
        if name == "seconds" or record[name].value is not None:
            _time(record[name])
    record["device"].text()
    record["threads"].count()
    record["covers"].text()


def _environment(node: Node) -> None:
    record = node.record(("python", "platform", "cpu", "cores", "packages", "git"))
    record["packages"].mapping()
    for name in ("python", "platform"):
        record[name].text()
    if record["git"].value is not None:
        checkout = record["git"].record(("commit", "changed"))
        checkout["commit"].text()
        checkout["changed"].flag()


def _energies(node: Node) -> None:
    record = node.record(("potentials", "hull", "realiser", "settings", "identities"))
    record["identities"].texts()
    named = ("name", "version", "plugin")
    for item in record["potentials"].sequence():
        potential = item.record((*named, "identity", "energy_scheme", "basis", "parameters"))
        for name in (*named, "identity", "energy_scheme", "basis"):
            potential[name].text()
        potential["parameters"].mapping()
    _texts(record["hull"], (*named, "identity"))
    _texts(record["realiser"], named)
    record["settings"].mapping()


def _time(node: Node) -> None:
    if node.number() < 0:
        node.fail("a number that is not negative")


def _moment(node: Node) -> datetime:
    try:
        found = datetime.fromisoformat(node.text())
    except ValueError as error:
        raise ReadError(f"{node.file}: {node.path} is {node.value!r}; expected a date and time") from error
    return found if found.tzinfo else node.fail("a date and time with its zone")
