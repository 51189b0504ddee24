"""The direction of imports: plugins know the core, the core knows no plugin, and heavy libraries load late."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
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
BELOW: dict[str, set[str]] = {
    # A wing, or a module that stands beside the wings -> what it may import besides itself.
    "crystalbench.errors": set(),
    "crystalbench.version": set(),
    "crystalbench.strict_data": {"errors"},
    "crystalbench.encoded": set(),
    "crystalbench.citations": {"errors", "version"},
    "crystalbench.parameters": set(),
    "crystalbench.suites": set(),
    "crystalbench.torch_files": set(),
    "crystalbench.versions": set(),
    "crystalbench.executors": {"errors", "versions"},
    "crystalbench.crystals": {"errors", "executors"},
    "crystalbench.datasets": {"errors", "crystals"},
    "crystalbench.tables": {"errors", "strict_data"},
    "crystalbench.isolation": {"errors", "tables"},
    "crystalbench.evidence": {"datasets", "crystals", "tables"},
    "crystalbench.interfaces": {"parameters", "datasets", "encoded", "evidence", "crystals", "materials", "tables"},
    "crystalbench.materials": {"errors", "executors", "crystals", "tables", "isolation"},
    "crystalbench.energies": {"parameters", "crystals", "materials", "interfaces"},
    "crystalbench.hookspecs": {"suites", "datasets", "energies", "interfaces"},
    "crystalbench": {
        "suites",
        "parameters",
        "errors",
        "datasets",
        "evidence",
        "encoded",
        "energies",
        "materials",
        "crystals",
        "tables",
        "interfaces",
        "hookspecs",
        "version",
        "result",
        "api",
    },
    "crystalbench.plugin_files": {"errors", "isolation"},
    "crystalbench.plugins": {
        "suites",
        "parameters",
        "plugin_files",
        "errors",
        "datasets",
        "energies",
        "tables",
        "isolation",
        "interfaces",
        "hookspecs",
    },
    "crystalbench.runs": {
        "suites",
        "citations",
        "parameters",
        "version",
        "errors",
        "strict_data",
        "versions",
        "executors",
        "datasets",
        "encoded",
        "evidence",
        "crystals",
        "tables",
        "isolation",
        "energies",
        "materials",
        "interfaces",
        "plugins",
        "plugin_files",
    },
    "crystalbench.result": {"errors", "tables", "plugins", "runs"},
    "crystalbench.api": {"errors", "tables", "plugins", "runs", "result"},
    "crystalbench.testing": {
        "suites",
        "citations",
        "parameters",
        "errors",
        "datasets",
        "encoded",
        "crystals",
        "tables",
        "isolation",
        "energies",
        "materials",
        "interfaces",
        "plugins",
        "runs",
    },
    "crystalbench.cli": {
        "suites",
        "parameters",
        "errors",
        "datasets",
        "crystals",
        "tables",
        "isolation",
        "energies",
        "materials",
        "interfaces",
        "plugins",
        "runs",
        "result",
        "api",
        "testing",
    },
    "crystalbench.__main__": {"cli"},
    "crystalbench_plugins.datasets": {"_download"},
    "crystalbench_plugins.hulls": {"_download"},
    "crystalbench_plugins.wrenformer": {"_download"},
    "crystalbench_plugins.metrics": set(),
    "crystalbench_plugins.potentials": set(),
    "crystalbench_plugins.realisers": set(),
    "crystalbench_plugins.reports": set(),
    "crystalbench_plugins.leaderboard": {"reports"},
    "crystalbench_plugins.plot": {"metrics", "reports"},
    "crystalbench_plugins.sweep": {"metrics", "reports"},
    "crystalbench_plugins.reference_generators": set(),
    "crystalbench_plugins._download": set(),
    "crystalbench_plugins.suites": set(),
    "crystalbench_plugins": set(),
}
HEAVY = (
    "torch",
    "pymatgen",
    "pandas",
    "scipy",
    "smact",
    "ase",
    "spglib",
    "moyopy",
    "pyxtal",
    "aviary",
    "tqdm",
    "distributed",
    "matplotlib",
)


def module_of(file: Path) -> str:
    """Dotted name of a file of one of the packages."""
    package = next(name for name, folder in PACKAGES.items() if file.is_relative_to(folder))
    inside = file.relative_to(PACKAGES[package]).with_suffix("")
    return ".".join((package, *inside.parts)).removesuffix(".__init__")


MODULES = {module_of(file): file for folder in PACKAGES.values() for file in folder.rglob("*.py")}


def imported(file: Path) -> Iterator[str]:
    """Yield the modules of our own that a file imports anywhere: in functions and under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            named = [f"{node.module}.{alias.name}" for alias in node.names]
            named = [name if name in MODULES else str(node.module) for name in named]
        else:
            continue
        yield from (name for name in named if name in MODULES)


def wing_of(module: str) -> str:
    """Return the package, or what stands in it: a folder of modules or a single one."""
    return ".".join(module.split(".")[:2])


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    files = list(PACKAGES[package].rglob("*.py"))
    assert files
    for file in files:
        others = {module.partition(".")[0] for module in imported(file)} - {package}
        assert others <= MAY_IMPORT[package], f"{file.relative_to(ROOT)} imports {others - MAY_IMPORT[package]}"


@pytest.mark.parametrize("package", ["crystalbench", "crystalbench_plugins"])
def test_a_wing_imports_only_what_lies_below_it(package: str) -> None:
    wings = {wing_of(module) for module in MODULES if module.partition(".")[0] == package}
    assert wings == {wing for wing in BELOW if wing.partition(".")[0] == package}
    for module, file in MODULES.items():
        if (wing := wing_of(module)) in wings:
            below = {f"{package}.{name}".removesuffix(".") for name in BELOW[wing]} | {wing}
            others = {wing_of(name) for name in imported(file)} & wings
            assert others <= below, f"{file.relative_to(ROOT)} imports {others - below}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter({module: set(imported(file)) for module, file in MODULES.items()}).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


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
        "from crystalbench import evaluate, load",
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
