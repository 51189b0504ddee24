"""A file of torch that is damaged is an error in words, whatever torch raises."""

import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from crystalbench import EncoderError, ReadError
from crystalbench_plugins.wrenformer import weights
from wyckoffdiff import authors_samples, checkpoint

CONTENT = {"format": 1, "kind": "x", "weights": {"a": torch.ones(3)}, "more": ("q", 1.5, None, b"x")}
LOADERS: dict[str, Callable[[Path], object]] = {
    "samples": lambda path: list(authors_samples.read(path, {})),
    "checkpoint": lambda path: checkpoint.load(path, checkpoint.MODEL),
    "encoder": weights.read,
}


def written(zipped: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save(CONTENT, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def damaged(rng: random.Random) -> bytes:
    """Bytes changed in the instructions of a file, where a checksum would hide them from torch; or cut off."""
    text = bytearray(written(zipped := rng.random() < 0.6))
    if zipped:
        with zipfile.ZipFile(io.BytesIO(text)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        instructions = next(name for name in members if name.endswith("data.pkl"))
        text = bytearray(members[instructions])
    for _ in range(rng.choice((1, 2, 5))):
        text[rng.randrange(len(text))] = rng.randrange(256)
    if rng.random() < 0.25:
        del text[rng.randrange(len(text)) :]
    if not zipped:
        return bytes(text)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in (members | {instructions: bytes(text)}).items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LOADERS)
def test_damage_is_said_in_words(name: str, tmp_path: Path) -> None:
    rng = random.Random(name)
    path = tmp_path / "x.pt"
    words: set[str] = set()
    for _ in range(300):
        path.write_bytes(damaged(rng))
        try:
            LOADERS[name](path)
        except (ReadError, EncoderError) as error:
            words.add(str(error))
    assert any("damaged" in text for text in words)
    assert not [text for text in words if "weights_only" in text or "file an issue" in text or "decode byte" in text]
