"""What is installed with the package and what is shipped: lower bounds, licences, the bytes of the wheel."""

import os
import shutil
import subprocess
import sys
import tomllib
from hashlib import sha256
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from crystalbench import __version__
from tests.licences import licence, required
from tests.lowest import constraints

ROOT = Path(__file__).parents[1]

PERMISSIVE = {
    "Apache-2.0", "Apache-2.0 OR BSD-2-Clause", "BSD", "BSD-2-Clause", "BSD-3-Clause", "MIT", "MIT OR Apache-2.0",
    "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",  # numpy with what it bundles
    "Apache-2.0 AND Apache-2.0 WITH LLVM-exception AND BSD-2-Clause AND BSD-3-Clause AND BSL-1.0 AND MIT",  # torch
    "MIT-CMU",  # pillow: its own wording of MIT
    "PSF-2.0",  # matplotlib, typing-extensions: Python's own
    "Apache-2.0 AND MIT",
}  # fmt: skip
ASKS_FOR_MORE = {
    # Imported as they are, not copied and not altered: that asks nothing of this project's own code. Who ships them
    # altered must publish the alterations.
    "ase": "LGPL-2.1-or-later",
    "certifi": "MPL-2.0",
    "gemmi": "MPL-2.0",
    "orjson": "MPL-2.0 AND (Apache-2.0 OR MIT)",
    "pebble": "LGPL",  # which version its field does not say
    "tqdm": "MPL-2.0 AND MIT",
    "bibtexparser": "LGPL-3.0-or-later OR BSD",  # one may choose BSD
    "matscipy": "LGPL",  # of the extra `sevenn`; the text of version 2.1
}


def test_the_lowest_constraints_are_the_lower_bounds_of_the_project() -> None:
    """Rewrite with ``python -m tests.lowest > constraints-lowest.txt``."""
    assert (ROOT / "constraints-lowest.txt").read_text(encoding="utf-8") == constraints()


@pytest.mark.parametrize("extra", ["", "discover", "sevenn", "dask"])
def test_every_package_that_is_installed_with_it_has_a_licence_that_is_known(extra: str) -> None:
    try:
        packages = required("crystalbench", [extra] if extra else [])
    except PackageNotFoundError as error:
        if not extra:
            raise
        pytest.skip(f"the extra {extra} is not installed: {error}")
    found = {name: licence(package) for name, package in packages.items()}
    assert len(found) > 15
    assert {name: words for name, words in found.items() if words not in PERMISSIVE} == {
        name: words for name, words in ASKS_FOR_MORE.items() if name in found
    }


@pytest.mark.slow
def test_the_wheel_has_the_same_bytes_wherever_and_whenever_it_is_built(tmp_path: Path) -> None:
    """Two checkouts in other folders, with files of other age and mode; only SOURCE_DATE_EPOCH is given."""
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout: git says which files are the project's")
    digests = set()
    for folder, age, mode in ((tmp_path / "a", 10**9, 0o644), (tmp_path / "another" / "place", 1_500_000_000, 0o664)):
        source = folder / "source"
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in filter(None, listed.split("\0")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, source / name)
            os.utime(source / name, (age, age))
            (source / name).chmod(mode)
        offline = ("--no-deps", "--no-build-isolation", "--no-index")
        subprocess.run(
            [sys.executable, "-m", "pip", "wheel", "-q", *offline, "--wheel-dir", "..", "."],
            cwd=source, check=True, env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000", "PIP_CONSTRAINT": ""},
        )  # fmt: skip
        (wheel,) = folder.glob("*.whl")
        digests.add((wheel.name, sha256(wheel.read_bytes()).hexdigest()))
    assert len(digests) == 1


def released_wrongly(root: Path, version: str) -> list[str]:
    """Tags of the commit that is checked out that name another version."""
    asked = ["git", "tag", "--points-at", "HEAD", "--list", "v[0-9]*"]
    tags = subprocess.run(asked, cwd=root, capture_output=True, text=True, check=True).stdout.split()
    return [tag for tag in tags if tag != f"v{version}"]


def test_the_version_stands_once_and_a_tag_of_this_commit_names_it() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert version == __version__
    if (ROOT / ".git").exists():
        assert released_wrongly(ROOT, version) == []


def test_a_tag_of_another_version_is_told(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        names = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false")
        subprocess.run(["git", *names, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    git("commit", "--allow-empty", "-m", "one")
    git("tag", "verified")
    git("tag", "v0.1.0")
    assert released_wrongly(tmp_path, "0.1.0") == []
    git("tag", "v0.2.0")
    assert released_wrongly(tmp_path, "0.1.0") == ["v0.2.0"]
    git("commit", "--allow-empty", "-m", "two")
    assert released_wrongly(tmp_path, "0.1.0") == []
