"""Write the example files: real crystals in the layouts of CDVAE, DiffCSP++ and SymmCD.

    python -m crystalbench_baselines.build_examples

They show what a file of each generator looks like, and let a comparison run where no samples are at hand. **Nothing
in them was made by a generator**: each holds compounds of `_example_crystals`, drawn with replacement, with a few
invalid crystals of the kinds that the generator writes. The same call gives the same files. PyTorch reads them like
its own; they are compressed, which PyTorch itself does not do, because one-hot columns shrink a hundredfold.
"""

import argparse
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import spglib
import torch
from numpy.typing import NDArray

from crystalbench import Invalid, RawStructure
from crystalbench_baselines._cif.operations import closed
from crystalbench_baselines._cif.orbits import orbits
from crystalbench_baselines._elements import NUMBERS
from crystalbench_baselines._example_crystals import TYPES

FOLDER = Path(__file__).with_name("examples")
COUNT = 90


@dataclass(frozen=True, slots=True)
class Crystal:
    """One crystal as it is written: lengths (Å), angles (degrees), coordinates (n, 3), atomic numbers (n,)."""

    cell: tuple[float, ...]
    frac_coords: NDArray[np.float64]
    numbers: NDArray[np.int64]
    spacegroup: int

    def changed(self, *, cell: tuple[float, ...] = (), **arrays: NDArray[Any]) -> "Crystal":
        return Crystal(
            cell or self.cell,
            arrays.get("frac_coords", self.frac_coords),
            arrays.get("numbers", self.numbers),
            self.spacegroup,
        )


def known_crystals() -> list[Crystal]:
    """Return every compound of every structure type, in its conventional cell."""
    found = []
    for kind in TYPES.values():
        group = spglib.get_spacegroup_type(kind.hall_number)
        operations = spglib.get_symmetry_from_database(kind.hall_number)
        filling = closed(np.concatenate([operations["rotations"], operations["translations"][..., None]], axis=2))
        for compound in kind.compounds.split(";"):
            words = compound.split()
            symbols = [word for word in words if word in NUMBERS]
            parameters = [float(word) for word in words if word not in NUMBERS]
            sites = kind.orbits(*parameters)
            cell = kind.cell(*parameters)
            empty = RawStructure.from_parameters(cell[:3], cell[3:], [], [])
            assert not isinstance(empty, Invalid), compound
            coords = np.array([site[1:] for site in sites])
            exact = np.full(coords.shape, 16)
            whole = orbits(coords, exact, None, filling, empty.lattice)
            numbers = np.array([NUMBERS[symbols[site[0]]] for site in sites], dtype=np.int64)
            numbers = np.repeat(numbers, whole.sizes)
            found.append(Crystal(cell, whole.frac_coords % 1, numbers, group.number))
    return found


def reduced(crystal: Crystal, shift: NDArray[np.float64]) -> Crystal:
    """Return the Niggli-reduced primitive cell with another origin: what CDVAE is trained on and writes."""
    whole = RawStructure.from_parameters(crystal.cell[:3], crystal.cell[3:], crystal.frac_coords, crystal.numbers)
    assert not isinstance(whole, Invalid)
    lattice, coords, numbers = spglib.find_primitive((whole.lattice, whole.frac_coords, whole.numbers), symprec=1e-3)
    short = spglib.niggli_reduce(lattice)
    coords = (coords @ lattice @ np.linalg.inv(short) + shift) % 1
    lengths = np.sqrt((short**2).sum(axis=1))
    cosines = [short[i] @ short[j] / lengths[i] / lengths[j] for i, j in ((1, 2), (0, 2), (0, 1))]
    cell = (*lengths, *np.degrees(np.arccos(cosines)))
    return Crystal(cell, coords, numbers.astype(np.int64), crystal.spacegroup)


def draw(seed: int, *, primitive: bool, largest: int) -> list[Crystal]:
    """Return `COUNT` crystals of at most ``largest`` atoms, drawn with replacement."""
    rng = np.random.default_rng(seed)
    pool = known_crystals()
    if primitive:
        pool = [reduced(crystal, rng.random(3)) for crystal in pool]
    pool = [crystal for crystal in pool if len(crystal.numbers) <= largest]
    return [pool[i] for i in rng.integers(len(pool), size=COUNT)]


def tensors(crystals: list[Crystal], coords: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    """Return the flat tensors that the three layouts have in common."""
    cells = np.array([crystal.cell for crystal in crystals])
    return {
        "frac_coords": torch.tensor(np.concatenate([c.frac_coords for c in crystals]), dtype=coords),
        "num_atoms": torch.tensor([len(c.numbers) for c in crystals]),
        "atom_types": torch.tensor(np.concatenate([c.numbers for c in crystals])),
        "lengths": torch.tensor(cells[:, :3], dtype=torch.float32),
        "angles": torch.tensor(cells[:, 3:], dtype=torch.float32),
    }


def overlapping(crystal: Crystal) -> Crystal:
    """Put the second atom onto the first."""
    return crystal.changed(frac_coords=crystal.frac_coords[[0, 0, *range(2, len(crystal.numbers))]])


def cdvae() -> dict[str, Any]:
    """``eval_gen.pt`` of CDVAE: a leading axis of one evaluation; lengths may be negative or tiny."""
    crystals = draw(1, primitive=True, largest=20)
    a, b, c, *angles = crystals[10].cell
    crystals[10] = crystals[10].changed(cell=(-a, b, c, *angles))
    crystals[31] = crystals[31].changed(cell=(0.02, 0.02, 0.02, *crystals[31].cell[3:]))
    crystals[47] = overlapping(next(crystal for crystal in crystals[47:] if len(crystal.numbers) > 1))
    crystals[58] = crystals[58].changed(cell=(*crystals[58].cell[:3], 170.0, 20.0, 95.0))
    crystals[73] = crystals[73].changed(frac_coords=np.empty((0, 3)), numbers=np.empty(0, dtype=np.int64))
    flat = {key: tensor[None] for key, tensor in tensors(crystals).items()}
    return {
        "eval_setting": argparse.Namespace(
            model_path="example", tasks=["gen"], n_step_each=100, step_lr=1e-4, min_sigma=0, save_traj=False,
            disable_bar=False, num_evals=1, num_batches_to_samples=1, start_from="data", batch_size=COUNT,
            force_num_atoms=False, force_atom_types=False, down_sample_traj_step=10, label="example",
        ),
        **flat,
        "all_frac_coords_stack": [],
        "all_atom_types_stack": [],
        "time": 0.0,
    }  # fmt: skip


def diffcsppp() -> dict[str, Any]:
    """``eval_gen.pt`` of DiffCSP++: no leading axis, conventional cells; a matrix exponential over- and underflows."""
    crystals = draw(2, primitive=False, largest=60)
    nan, inf = float("nan"), float("inf")
    crystals[5] = crystals[5].changed(cell=(inf, inf, inf, nan, nan, nan))
    crystals[22] = crystals[22].changed(cell=(0.0, 0.0, 0.0, nan, nan, nan))
    crystals[40] = overlapping(next(crystal for crystal in crystals[40:] if len(crystal.numbers) > 1))
    crystals[66] = crystals[66].changed(cell=(2e4, 0.3, 0.3, *crystals[66].cell[3:]))
    return {
        "eval_setting": argparse.Namespace(
            model_path="example", step_lr=1e-5, num_batches_to_samples=1, batch_size=COUNT, seed=9999, label="example"
        ),
        **tensors(crystals),
    }


def symmcd() -> dict[str, Any]:
    """``eval_gen.pt`` of SymmCD: one-hot types, float64 coordinates, NaN lattices.

    ``site_symmetries`` has its shape and kind but states no symmetry at all (class 0 on every axis): no reader
    uses it.
    """
    crystals = draw(3, primitive=False, largest=60)
    nan, inf = float("nan"), float("inf")
    for place in (3, 29, 64):
        crystals[place] = crystals[place].changed(cell=(nan,) * 6)
    crystals[51] = crystals[51].changed(cell=(inf, inf, inf, nan, nan, nan))
    crystals[80] = overlapping(next(crystal for crystal in crystals[80:] if len(crystal.numbers) > 1))
    flat = tensors(crystals, torch.float64)
    atoms = len(flat["atom_types"])
    flat["atom_types"] = torch.nn.functional.one_hot(flat["atom_types"] - 1, 94).float()
    no_symmetry = torch.zeros(atoms, 15, 13)
    no_symmetry[:, :, 0] = 1
    return {
        "eval_setting": argparse.Namespace(
            model_path="example", dataset="mp", step_lr=1e-5, num_batches_to_samples=1, batch_size=COUNT,
            label="example", restrict_spacegroups=None, save_cif="",
        ),
        **flat,
        "spacegroups": torch.tensor([crystal.spacegroup for crystal in crystals]),
        "site_symmetries": no_symmetry,
    }  # fmt: skip


def compressed(content: dict[str, Any]) -> bytes:
    """Return what `torch.save` writes, compressed and without dates."""
    saved, packed = io.BytesIO(), io.BytesIO()
    torch.save(content, saved)
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(packed, "w") as target:
        for info in source.infolist():
            entry = zipfile.ZipInfo(info.filename, (1980, 1, 1, 0, 0, 0))
            target.writestr(entry, source.read(info), zipfile.ZIP_DEFLATED, 9)
    return packed.getvalue()


EXAMPLES = {"cdvae": cdvae, "diffcsppp": diffcsppp, "symmcd": symmcd}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, make in EXAMPLES.items():
        path = FOLDER / f"{name}.pt"
        path.write_bytes(compressed(make()))
        print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
