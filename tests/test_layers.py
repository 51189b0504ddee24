"""The direction of imports: plugins know the core, the core knows no plugin, and heavy libraries load late."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "crystalbench": ROOT / "crystalbench",
    "wyckoffdiff": ROOT / "wyckoffdiff",
    "crystalbench_plugins": ROOT / "plugins/crystalbench_plugins",
    "crystalbench_baselines": ROOT / "baselines/crystalbench_baselines",
}
MAY_IMPORT = {
    "crystalbench": set(),
    "wyckoffdiff": {"crystalbench"},
    "crystalbench_plugins": {"crystalbench"},
    "crystalbench_baselines": {"crystalbench"},
}
HEAVY = ("torch", "pymatgen", "pandas", "scipy", "smact", "ase", "spglib", "moyopy", "pyxtal", "aviary", "tqdm")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    files = list(PACKAGES[package].rglob("*.py"))
    assert files
    for file in files:
        others = set(imported(file)) & PACKAGES.keys() - {package}
        assert others <= MAY_IMPORT[package], f"{file.relative_to(ROOT)} imports {others - MAY_IMPORT[package]}"


@pytest.mark.parametrize("module", ["transitions", "diffusion", "model"])
def test_the_tensor_modules_of_wyckoffdiff_know_torch_and_nothing_of_crystalbench(module: str) -> None:
    todo, seen = [module], set()
    while todo:
        name = todo.pop()
        seen.add(name)
        tree = ast.parse((ROOT / f"wyckoffdiff/{name}.py").read_text(encoding="utf-8"))
        names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
        names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert not {x for x in names if x.partition(".")[0] == "crystalbench"}, name
        own = {x.partition(".")[2] for x in names if x.startswith("wyckoffdiff.")}
        todo += own - seen


def test_the_core_names_no_plugin() -> None:
    for file in PACKAGES["crystalbench"].rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert "crystalbench_plugins" not in text, file
        assert "crystalbench_baselines" not in text, file
        assert "wyckoffdiff." not in text, file


@pytest.mark.parametrize(
    "statement",
    [
        "import crystalbench",
        "from crystalbench.plugins import Plugins; assert not Plugins.load().broken",
        "from crystalbench.cli import main",
        "import crystalbench.cli.run, crystalbench.cli.plan, crystalbench.cli.convert, crystalbench.runs.run",
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(statement: str) -> None:
    code = f"{statement}\nimport sys\nprint(*sorted(set({HEAVY!r}) & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_modules_stay_small() -> None:
    """A module says what it is; above 400 lines it is more than one."""
    sizes = {f: len(f.read_text(encoding="utf-8").splitlines()) for p in PACKAGES.values() for f in p.rglob("*.py")}
    assert {str(f.relative_to(ROOT)): n for f, n in sizes.items() if n > 400} == {}
