"""The cache is believed only where it is what a run put there, and no run depends on it."""

import gzip
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crystalbench import Parameters, ReaderSpec, Sample, Sampler, SamplerInput, hookimpl
from crystalbench.crystals.wyckoff import Table as LetterTable
from crystalbench.datasets import Dataset
from crystalbench.errors import ConfigError, DatasetError
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import DIGEST_BYTES, Cache, atomic_write, cache_dir
from crystalbench.runs.embeddings import CachedEncoder
from crystalbench.testing import CountingEncoder, example_dataset, example_encoder
from tests.hostile.small_run import elsewhere, execute, labels_file, needs_mounts, numbers, small_plugins
from tests.small_plugins import Halides, read_labels

LABELS = ["AB_cF8_225_a_b:Cl-Na", "AB_cF8_225_a_b:Br-K"]


# --- a file that changes while it is read ---------------------------------------------------------------------------


def rewritten(path: Path, other: Path) -> None:
    path.write_bytes(other.read_bytes())


def replaced(path: Path, other: Path) -> None:
    copy = path.with_suffix(".copy")
    shutil.copyfile(other, copy)
    copy.replace(path)


def redated(path: Path, other: Path) -> None:
    """As a program does that hides its traces: size and time of writing are as before."""
    was = path.stat()
    path.write_bytes(other.read_bytes())
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


def linked(path: Path, other: Path) -> None:
    path.unlink()
    path.symlink_to(other)


CHANGES = (rewritten, replaced, redated, linked)


def swapping(change: Callable[[Path, Path], None], back: bool, other: Path, original: Path) -> Plugins:
    """The small plugin with a reader that finds another file in the place of the one that was hashed."""

    def read(path: Path, parameters: Parameters) -> Iterator[Sample]:
        change(path, other)
        yield from read_labels(path, parameters)

    def read_and_restore(path: Path, parameters: Parameters) -> Iterator[Sample]:
        change(path, other)
        rows = list(read_labels(path, parameters))
        change(path, original)
        yield from rows

    class Swapping:
        @hookimpl
        def crystalbench_readers(self) -> list[ReaderSpec]:
            return [
                ReaderSpec(
                    name="swapping", version="1", title="", description="", detect=lambda path: False,
                    read=read_and_restore if back else read, parameters=plugins.readers["json-labels"].parameters,
                )
            ]  # fmt: skip

    plugins = small_plugins()
    plugins.register(Swapping(), "swapping")
    return plugins


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("back", [False, True])
def test_a_file_that_changes_between_being_hashed_and_being_read_fails_and_leaves_nothing_in_the_cache(
    change: Callable[[Path, Path], None], back: bool, tmp_path: Path
) -> None:
    mine = labels_file(tmp_path / "mine.json", 9)
    original = labels_file(tmp_path / "original.json", 9)
    other = labels_file(tmp_path / "other.json", 9, start=9)
    plugins = swapping(change, back, other, original)
    settings: dict[str, Any] = {"generators": ["mine"], "n": 9}
    settings["generator"] = {"mine": {"samples": [str(mine)], "reader": "swapping"}}
    (failure,) = execute(tmp_path / "swapped", plugins, **settings).failures
    assert "mine.json: was changed while it was read; run again" in failure.error
    assert not list(cache_dir().glob("converted/*/*"))
    assert not list(cache_dir().glob("scores/*/*"))


def test_a_file_that_changes_between_the_plan_and_the_first_chunk_is_not_read(tmp_path: Path) -> None:
    from crystalbench.runs.config import RunConfig
    from crystalbench.runs.folder import RunFolder
    from crystalbench.runs.plan import make_plan
    from crystalbench.runs.run import Run

    mine = labels_file(tmp_path / "mine.json", 9)
    plugins = small_plugins()
    settings = {"dataset": "example", "n": 9, "generator": {"mine": {"samples": [str(mine)]}}}
    plan = make_plan(RunConfig.from_mapping(settings), plugins)
    labels_file(mine, 9, start=9)
    (failure,) = Run(plan, plugins, RunFolder(tmp_path / "run"), log=lambda _: None).execute().failures
    assert failure.error == f"{mine}: has been changed since the run was planned; run again"


def test_a_folder_in_which_a_file_changes_fails_too(tmp_path: Path) -> None:
    from crystalbench.errors import ReadError
    from crystalbench.runs.cache import file_digest
    from crystalbench.runs.source import Held

    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    labels_file(folder / "below" / "a.json", 3)
    for change in (
        lambda: labels_file(folder / "below" / "a.json", 3),
        lambda: labels_file(folder / "b.json", 1),
        lambda: (folder / "b.json").rename(folder / "c.json"),
        lambda: (folder / "c.json").unlink(),
    ):
        held = Held([folder], [file_digest(folder)])
        held.check()
        change()
        with pytest.raises(ReadError, match="was changed while it was read"):
            held.check()


def test_a_checkpoint_that_changes_while_it_is_loaded_gives_no_samples(tmp_path: Path) -> None:
    checkpoint = tmp_path / "model.pt"
    checkpoint.write_text("0")

    def start(given: SamplerInput) -> Sampler:
        checkpoint.write_text("1")
        return Halides(given)

    plugins = small_plugins()
    halides = plugins.generators["halides"]
    plugins.generators["halides"] = replace(halides, start=start, files=lambda parameters, dataset: [checkpoint])
    (failure,) = execute(tmp_path / "run", plugins).failures
    assert failure.error == f"{checkpoint}: was changed while it was read; run again when nothing writes to it"


def test_a_dataset_or_an_encoder_that_changes_during_a_run_is_found_out() -> None:
    spec = replace(example_dataset().spec, identity=lambda: "1" * 64)
    with pytest.raises(DatasetError, match="dataset example: was changed during the run"):
        Dataset(spec, LetterTable.AFFINE, "0" * 64).split("train")
    encoder = replace(example_encoder().spec, identity=lambda parameters: "1" * 64)
    with pytest.raises(Exception, match="its weights were changed during the run"):
        CachedEncoder(encoder, {}, "0" * 64).encode(LABELS)


# --- entries that lie -----------------------------------------------------------------------------------------------


def entries(kind: str = "*") -> list[Path]:
    return sorted(cache_dir().glob(f"{kind}/*/*"))


def altered(path: Path) -> None:
    """Another document in the same form, with the digest of the first."""
    content = path.read_bytes()
    document = gzip.decompress(content[:-DIGEST_BYTES]).replace(b"Cl-Na", b"Br-Cs").replace(b"1.0", b"0.5")
    path.write_bytes(gzip.compress(document) + content[-DIGEST_BYTES:])


def of_an_earlier_form(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()[:-DIGEST_BYTES])))


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def flipped_in_the_digest(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(1000))


def of_another_entry(path: Path) -> None:
    """A whole, true entry, but not the one of this name."""
    cache = Cache()
    cache.put("converted", "0" * 64, {"items": [], "timing": None, "last": True})
    shutil.copyfile(cache.path("converted", "0" * 64), path)


def of_another_shape(path: Path) -> None:
    kind, key = path.parents[1].name, path.name.partition(".")[0]
    Cache().put(kind, key, {"items": [[]], "timing": 3, "last": "no", "type": "value", "value": "much"})


def nested(path: Path) -> None:
    packed = gzip.compress(b"[" * 100_000)
    path.write_bytes(packed)


def a_folder(path: Path) -> None:
    path.unlink()
    (path / "thesis").mkdir(parents=True)


def a_link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def an_endless_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


DAMAGES = (
    *(altered, of_an_earlier_form, flipped, flipped_in_the_digest, truncated, emptied, garbage, of_another_entry),
    *(of_another_shape, nested, a_folder, a_link_to_itself, a_pipe, an_endless_device),
)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_stands_in_the_place_of_entries_changes_no_number_and_is_made_anew(
    damage: Callable[[Path], None], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings: dict[str, Any] = {
        "generators": ["halides", "structures"],
        "n": 4,
        "metrics": ["halide_share", "novel_count"],
    }
    execute(tmp_path / "first", **settings)
    kept = entries()
    assert {path.parents[1].name for path in kept} >= {"converted", "drawn", "scores"}
    for path in kept:
        damage(path)
    assert execute(tmp_path / "second", **settings).failures == ()
    assert numbers(tmp_path / "second") == numbers(tmp_path / "first")
    if damage is a_folder:  # nothing of the user's is deleted: the run goes on without
        assert "the run goes on" in capfd.readouterr().err
        assert all((path / "thesis").is_dir() for path in kept)
    else:
        assert all(path.is_file() and not path.is_symlink() for path in kept)


@pytest.mark.parametrize("damage", [altered, a_folder, a_link_to_itself, a_pipe, an_endless_device, emptied])
def test_what_stands_in_the_place_of_a_shard_changes_no_embedding(damage: Callable[[Path], None]) -> None:
    def encoder() -> CachedEncoder:
        spec = example_encoder().spec
        return CachedEncoder(spec, {}, spec.identity({}), Cache())

    wanted = encoder().encode(LABELS).energies.tolist()
    (shard,) = cache_dir().rglob("*.npy")
    if damage is altered:
        shard.write_bytes(shard.read_bytes()[:-4] + b"\0\0\0\0")
    else:
        damage(shard)
    assert encoder().encode(LABELS).energies.tolist() == wanted == CountingEncoder().encode(LABELS).energies.tolist()


def test_a_shard_of_another_shape_is_not_read() -> None:
    import hashlib
    import io

    import numpy as np

    spec = example_encoder().spec
    encoder = CachedEncoder(spec, {}, spec.identity({}), Cache())
    folder = cache_dir() / "embeddings" / encoder.key
    folder.mkdir(parents=True)
    for odd in (np.zeros(3), np.zeros((2, 2), [("key", "u1", 16)]), np.zeros(2, [("embedding", "f4", 2)])):
        buffer = io.BytesIO()
        np.save(buffer, odd)
        (folder / f"{hashlib.sha256(buffer.getvalue()).hexdigest()}.npy").write_bytes(buffer.getvalue())
    assert len(encoder.encode(LABELS)) == 2


# --- places that take nothing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["the cache", "a kind"])
@pytest.mark.parametrize("what", ["a file", "a link to itself"])
def test_a_cache_that_is_no_folder_does_not_lose_the_run(
    place: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CRYSTALBENCH_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "cache" if place == "the cache" else tmp_path / "cache" / "converted"
    path.parent.mkdir(exist_ok=True)
    if what == "a file":
        path.touch()
    else:
        path.symlink_to(path)
    finished = execute(tmp_path / "run", metrics=["halide_share", "fwd"])
    assert finished.failures == ()
    told = [line for line in capfd.readouterr().err.splitlines() if line.startswith("warning")]
    assert len(told) == 1
    assert str(path) in told[0]
    assert "the run goes on" in told[0]


@pytest.mark.parametrize(("options", "reason"), [("size=16k", "No space left"), ("ro", "Read-only file system")])
def test_a_cache_on_a_full_or_read_only_disk_does_not_lose_the_run(options: str, reason: str, tmp_path: Path) -> None:
    needs_mounts()
    cache = tmp_path / "cache"
    cache.mkdir()
    settings: dict[str, Any] = {"n": 200, "metrics": ["halide_share", "fwd"]}
    done = elsewhere(
        tmp_path / "run", before=f"mount -t tmpfs -o {options} none {cache}",
        environment={"CRYSTALBENCH_CACHE": str(cache)}, **settings,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the run goes on") == 1
    assert reason in done.stderr
    execute(tmp_path / "whole", **settings)
    assert numbers(tmp_path / "run") == numbers(tmp_path / "whole")


def test_without_a_home_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CRYSTALBENCH_CACHE")
    monkeypatch.setenv("HOME", "~")  # as where neither the environment nor the system knows one
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(ConfigError, match="Set CRYSTALBENCH_CACHE to a folder"):
        cache_dir()


# --- unfinished files -----------------------------------------------------------------------------------------------


def test_what_a_killed_writer_left_goes_with_the_next_write_and_a_living_one_keeps_its_own(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    old = time.time() - 3600
    dead, other, users = (tmp_path / n for n in (".last.pt.abcdefgh.partial", ".last.ptx.abcdefgh.partial", ".last.pt"))
    for left in (dead, other, users):
        left.touch()
        os.utime(left, (old, old))
    with atomic_write(path) as first:
        first.write(b"first")
        first.flush()
        (living,) = (p for p in tmp_path.iterdir() if p.name.startswith(".last.pt.") and p != dead)
        os.utime(living, (old, old))
        with atomic_write(path) as second:
            second.write(b"second")
        assert path.read_bytes() == b"second"
    assert path.read_bytes() == b"first"
    assert {p.name for p in tmp_path.iterdir()} == {"last.pt", other.name, users.name}


def test_entries_are_json_that_a_person_can_read() -> None:
    cache = Cache()
    cache.put("scores", "ab12", {"value": 1})
    packed = cache.path("scores", "ab12").read_bytes()[:-DIGEST_BYTES]
    assert json.loads(gzip.decompress(packed)) == {"value": 1}
