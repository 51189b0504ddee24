"""Modules as plugins that are installed, for commands that run in processes of their own."""

from collections.abc import Mapping
from pathlib import Path


def install(folder: Path, modules: Mapping[str, str]) -> dict[str, str]:
    """Write modules (name of the plugin -> source) with their entry points; return the environment that finds them."""
    about = folder / "example_plugins-1.0.dist-info"
    about.mkdir(parents=True)
    for name, source in modules.items():
        (folder / f"crystalbench_{name}.py").write_text(source, encoding="utf-8")
    points = "".join(f"{name} = crystalbench_{name}\n" for name in modules)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: example-plugins\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text(f"[crystalbench]\n{points}", encoding="utf-8")
    return {"PYTHONPATH": str(folder)}
