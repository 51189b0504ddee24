"""The manifest of a discovery, read back: what it was asked for, and whether a folder holds one."""

import json
from pathlib import Path
from typing import Any

from crystalbench.errors import ConfigError, ReadError
from crystalbench.runs.cache import read_regular
from crystalbench.runs.config import RunConfig
from crystalbench.runs.discovery.settings import DiscoverySettings
from crystalbench.runs.folder import MANIFEST, RunFolder
from crystalbench.runs.manifest_shape import Status
from crystalbench.tables.listing import Page
from crystalbench.tables.listing_json import page_from_json

DISCOVERY_SCHEMA = 2


def is_discovery(folder: RunFolder) -> bool:
    """Whether a discovery was started here."""
    try:
        document = json.loads(read_regular(folder.path / MANIFEST).decode("utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("kind") == "discovery"


def manifest_of(folder: RunFolder) -> dict[str, Any]:
    """Read the manifest of a discovery.

    Raises
    ------
    ConfigError
        Where there is none.
    ReadError
        For one of another version.
    """
    if not is_discovery(folder):
        raise ConfigError(f"{folder.path}: no discovery here; name a folder that 'crystalbench discover' wrote")
    document: dict[str, Any] = json.loads(read_regular(folder.path / MANIFEST).decode("utf-8"))
    if document.get("schema_version") != DISCOVERY_SCHEMA:
        raise ReadError(f"{folder.path / MANIFEST}: not of schema version {DISCOVERY_SCHEMA}; discover again")
    return document


def stored_page(folder: RunFolder) -> Page:
    """Return ranking and funnel of a finished discovery, from its ``report.json``.

    Raises
    ------
    ConfigError
        There is no discovery, or it was interrupted.
    ReadError
        A file of it is missing or damaged.
    """
    if manifest_of(folder)["status"] != Status.FINISHED:
        raise ConfigError(
            f"{folder.path}: was interrupted; finish it with: crystalbench discover --resume {folder.path}"
        )
    path = folder.path / "report.json"
    try:
        return page_from_json(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text in UTF-8"
        raise ReadError(
            f"{path}: {reason}; write it anew with: crystalbench discover --resume {folder.path}"
        ) from error


def asked_of(folder: RunFolder) -> tuple[RunConfig, DiscoverySettings, RunFolder | None, str, int]:
    """Return configuration, settings, run, generator and number of diagrams of a discovery; raises as `manifest_of`."""
    manifest = manifest_of(folder)
    try:
        run = RunFolder(Path(manifest["run"])) if manifest["run"] else None
        config = RunConfig.from_mapping(manifest["config"])
        settings = DiscoverySettings.from_mapping(manifest["settings"])
        return config, settings, run, str(manifest["generator"]), int(manifest["diagrams"])
    except (LookupError, TypeError, ValueError) as error:
        raise ReadError(f"{folder.path / MANIFEST}: no manifest of a discovery: {error}") from error


def claim(folder: RunFolder, key: str) -> None:
    """Refuse to write over another discovery or other files; raises `ConfigError`."""
    if folder.exists():
        if not is_discovery(folder) or manifest_of(folder).get("key") != key:
            raise ConfigError(
                f"{folder.path}: holds something else, or a discovery with other settings or versions; choose another "
                "folder with --out"
            )
    elif folder.holds_files():
        raise ConfigError(f"{folder.path}: holds other files; choose another folder with --out")
