"""The cache: content-addressed, atomic, forgiving to damage."""

from pathlib import Path

import pytest

from crystalbench.runs.cache import Cache, atomic_write, content_key, file_digest


def test_keys_depend_on_content_and_not_on_the_order_of_parts() -> None:
    assert content_key(a=1, b=[2]) == content_key(b=[2], a=1) != content_key(a=1, b=[3])


def test_what_was_put_is_got_back(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.get("scores", "ab12", list) is None
    cache.put("scores", "ab12", {"x": [1, None, 0.1]})
    assert cache.get("scores", "ab12", dict) == {"x": [1, None, 0.1]}


@pytest.mark.parametrize("damage", [b"", b"\x1f\x8b truncated", b"no gzip at all"])
def test_a_damaged_entry_counts_as_absent(tmp_path: Path, damage: bytes) -> None:
    cache = Cache(tmp_path)
    cache.put("scores", "ab12", 1)
    cache.path("scores", "ab12").write_bytes(damage)
    assert cache.get("scores", "ab12", list) is None


def test_a_truncated_entry_counts_as_absent(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.put("scores", "ab12", list(range(1000)))
    path = cache.path("scores", "ab12")
    path.write_bytes(path.read_bytes()[:-20])
    assert cache.get("scores", "ab12", list) is None


@pytest.mark.parametrize("place", [3, 12, 40, -4])
def test_an_entry_with_a_flipped_byte_counts_as_absent(tmp_path: Path, place: int) -> None:
    cache = Cache(tmp_path)
    cache.put("scores", "ab12", list(range(1000)))
    data = bytearray(cache.path("scores", "ab12").read_bytes())
    data[place] ^= 0x55
    cache.path("scores", "ab12").write_bytes(data)
    assert cache.get("scores", "ab12", list) in (None, list(range(1000)))


def test_an_interrupted_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text("old")

    def interrupted() -> None:
        with atomic_write(path) as file:
            file.write(b"half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_digest_of_a_folder_sees_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a.cif").write_text("1")
    first = file_digest(tmp_path)
    (tmp_path / "a.cif").rename(tmp_path / "b.cif")
    second = file_digest(tmp_path)
    (tmp_path / "b.cif").write_text("2")
    assert len({first, second, file_digest(tmp_path)}) == 3
