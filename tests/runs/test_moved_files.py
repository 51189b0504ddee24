"""A discovery of samples with coordinates: their own geometry comes first, and `verify` is told where files are now."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from crystalbench.errors import ConfigError
from crystalbench.plugins import Plugins
from crystalbench.runs.checks import Check, Finding
from crystalbench.runs.config import RunConfig
from crystalbench.runs.discovery.discovery import Discovery
from crystalbench.runs.discovery.output import Found
from crystalbench.runs.discovery.settings import DiscoverySettings, Order
from crystalbench.runs.discovery.verify import DiscoveryVerification
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.stored import Moved
from crystalbench_baselines import extxyz
from tests.runs.test_discovery import plugins_of_tests

CUBIC = '2\nLattice="{0} 0 0 0 {0} 0 0 0 {0}" Properties=species:S:1:pos:R:3 pbc="T T T"\n'
FRAMES = "".join(
    CUBIC.format(edge) + f"{first} 0 0 0\n{second} {edge / 2} {edge / 2} {edge / 2}\n"
    for edge, first, second in ((3.3, "Cl", "Na"), (3.4, "Cl", "Cu"), (2.9, "Cu", "Na"))
)
PHASES = "formula,formation_energy\nNaCl,-0.40\nCuCl,-0.30\n"


def plugins() -> Plugins:
    made = plugins_of_tests()
    made.register(extxyz, "extxyz")
    return made


def discover(folder: Path, samples: Path, hull: Path, **energies: Any) -> Found:
    config = RunConfig.from_mapping(
        {
            "generators": ["mine"], "generator": {"mine": {"samples": [str(samples)]}}, "dataset": "example",
            "workers": 1, "n": 3, "energies": {"tries": 3, "hull": str(hull), **energies},
        }
    )  # fmt: skip
    return Discovery(
        config=config, settings=DiscoverySettings(order=Order.SAMPLE, top=3), plugins=plugins(),
        folder=RunFolder(folder), log=lambda _: None, generator="mine",
    ).execute()  # fmt: skip


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path, Found]:
    """A discovery whose samples and hull lie elsewhere now: folder, samples, hull."""
    root = tmp_path_factory.mktemp("moved")
    samples, hull, there = root / "mine.extxyz", root / "mine.csv", root / "there"
    samples.write_text(FRAMES)
    hull.write_text(PHASES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRYSTALBENCH_CACHE", str(root / "cache"))
        found = discover(root / "out", samples, hull)
    there.mkdir()
    for path in (samples, hull):
        shutil.move(path, there / path.name)
    return root / "out", there / samples.name, there / hull.name, found


def checks(folder: Path, where: Moved) -> list[Check]:
    return list(DiscoveryVerification(folder=RunFolder(folder), plugins=plugins(), redraw=True, moved=where).checks())


def unlike(found: list[Check]) -> dict[str, Finding]:
    return {one.what: one.finding for one in found if one.finding not in (Finding.HOLDS, Finding.RECORDED)}


def test_a_sample_with_coordinates_begins_with_its_own_geometry(moved: tuple[Path, Path, Path, Found]) -> None:
    materials = [one.material for one in moved[3].judged.values()]
    assert len(materials) == 3
    assert all(material.digest and material.tries[0].own for material in materials)
    kept = [material for material in materials if material.tries[0].energy is not None and len(material.tries) == 1]
    assert kept, "no geometry was enough"
    assert all(material.kept and material.agreed for material in kept)
    listing = moved[3].ranking
    keys = [heading.key for heading in listing.headings]
    for row in listing.rows:
        one = dict(zip(keys, row, strict=True))
        assert (one["agreed"] is None) == (one["tries"] == 1), one
        assert one["own_geometry"] is True


def test_where_the_hull_is_gone_nothing_is_judged_again_and_the_remedy_is_named(
    moved: tuple[Path, Path, Path, Found],
) -> None:
    found = checks(moved[0], Moved())
    assert unlike(found) == {"materials": Finding.NOT_CHECKED}
    assert "mine.csv" in next(one.detail for one in found if one.what == "materials")


def test_told_where_hull_and_samples_are_everything_is_judged_and_relaxed_again(
    moved: tuple[Path, Path, Path, Found],
) -> None:
    folder, samples, hull, _ = moved
    found = checks(folder, Moved(samples={"mine": [str(samples)]}, hull=str(hull)))
    assert unlike(found) == {}
    assert any(one.what.startswith("relaxed again") and one.finding is Finding.HOLDS for one in found)


def test_own_geometries_whose_file_is_gone_are_not_relaxed_again(moved: tuple[Path, Path, Path, Found]) -> None:
    found = checks(moved[0], Moved(hull=str(moved[2])))
    (again,) = [one for one in found if one.what.startswith("relaxed again")]
    assert again.finding is Finding.NOT_CHECKED
    assert "--samples says where they are" in again.detail


def test_another_hull_in_its_place_is_not_taken_for_it(moved: tuple[Path, Path, Path, Found], tmp_path: Path) -> None:
    other = tmp_path / "mine.csv"
    other.write_text(PHASES.replace("0.30", "0.31"))
    found = checks(moved[0], Moved(hull=str(other)))
    assert unlike(found) == {"materials": Finding.NOT_CHECKED}
    assert "holds something else" in next(one.detail for one in found if one.what == "materials")


def test_only_files_can_be_said_to_have_moved() -> None:
    with pytest.raises(ConfigError, match="energies: only files of potential, hull and realiser"):
        Moved(settings={"energies": {"tries": 9}})


def test_geometries_can_be_ignored_or_be_one_try_among_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRYSTALBENCH_CACHE", str(tmp_path / "cache"))
    samples, hull = tmp_path / "mine.extxyz", tmp_path / "mine.csv"
    samples.write_text(FRAMES)
    hull.write_text(PHASES)
    first = discover(tmp_path / "first", samples, hull, own="first")
    assert all(one.material.tries[0].own and len(one.material.tries) > 1 for one in first.judged.values())
    ignored = discover(tmp_path / "ignored", samples, hull, own="ignored")
    assert not any(t.own for one in ignored.judged.values() for t in one.material.tries)
