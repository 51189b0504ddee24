"""Every reader of the package, and other generators' files with what they are known to contain."""

import json
from pathlib import Path
from typing import Any

import pytest

from crystalbench import ReaderSpec
from crystalbench_baselines import (
    cdvae,
    cif,
    csv,
    diffcsp,
    diffcsppp,
    extxyz,
    flowmm,
    labels,
    poscar,
    pymatgen_json,
    samples,
    symmcd,
    wyckoff_genes,
)

MODULES = (
    cdvae, cif, csv, diffcsp, diffcsppp, extxyz, flowmm, labels, poscar, pymatgen_json, samples, symmcd,
    wyckoff_genes,
)  # fmt: skip
READERS: dict[str, ReaderSpec] = {spec.name: spec for module in MODULES for spec in module.crystalbench_readers()}


def detected(path: Path) -> list[str]:
    return [name for name, spec in READERS.items() if spec.detect(path)]


@pytest.fixture(scope="session")
def outputs(shared: Path) -> Path:
    return shared / "generator_outputs"


@pytest.fixture(scope="session")
def expected(outputs: Path) -> dict[str, dict[str, Any]]:
    """What each file contains, by its path below ``outputs``."""
    found = {}
    for path in sorted(outputs.glob("*/expected.json")):
        found.update({f"{path.parent.name}/{name}": entry for name, entry in json.loads(path.read_text()).items()})
    return found
