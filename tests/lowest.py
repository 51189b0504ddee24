"""The lower bounds as constraints: ``python -m tests.lowest > constraints-lowest.txt`` after a bound has changed."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
BOUND = re.compile(r"([a-z0-9-]+)>=([0-9.]+)")
HEAD = """\
# Lower bounds of pyproject.toml, of what is required and of what the tests need: python -m tests.lowest
# torch is as in constraints.txt: its oldest versions are on the package index with CUDA of several gigabytes only.
"""


def constraints() -> str:
    """Return ``name==bound`` for every requirement ``name>=bound`` of the package and its tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    tested = re.search(r"^torch==.*$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert tested is not None
    lines = []
    for requirement in (*project["dependencies"], *project["optional-dependencies"]["test"]):
        bound = BOUND.match(requirement)
        assert bound is not None, f"{requirement} has no lower bound"
        name, version = bound.groups()
        lines.append(tested[0] if name == "torch" else f"{name}=={version}")
    return HEAD + "".join(f"{line}\n" for line in sorted(lines))


if __name__ == "__main__":
    print(constraints(), end="")
