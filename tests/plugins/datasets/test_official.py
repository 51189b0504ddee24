"""Downloads from a real server on this machine: what is right is kept, anything else leaves nothing behind."""

import bz2
import hashlib
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from crystalbench import ConfigError, DatasetError, Protostructure
from crystalbench.crystals.wyckoff import Table
from crystalbench.testing import check_dataset
from crystalbench_plugins._download import download
from crystalbench_plugins.datasets import fetch_command
from crystalbench_plugins.datasets.official import BASE_URL, OFFICIAL, Official

SALT, RUTILE, IODIDE = "AB_cF8_225_a_b:Cl-Na", "A2B_tP6_136_f_a:O-Ti", "AB_cF8_225_b_a:I-K"
CSV = (
    f"material_id,wyckoff_spglib,e_form_per_atom_wbm,cif\nm-1,{SALT},-2.12345,x\nm-2,{RUTILE},,y\nm-3,{IODIDE},-1.5,z\n"
)


class Files(ThreadingHTTPServer):
    """Serves ``answers``: path -> (status, bytes to send, stated length, seconds to wait before the body)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.answers: dict[str, tuple[int, bytes, int | None, float]] = {}
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def put(self, path: str, body: bytes, *, status: int = 200, length: int | None = None, wait: float = 0) -> None:
        self.answers[path] = (status, body, len(body) if length is None else length, wait)


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Files)
        self.server.asked.append(self.path)
        status, body, length, wait = self.server.answers.get(self.path, (404, b"", 0, 0.0))
        self.send_response(status)
        if length is not None and length >= 0:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        time.sleep(wait)
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    with Files() as files:
        thread = threading.Thread(target=files.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        monkeypatch.setenv("CRYSTALBENCH_DATA_URL", files.url + "/")
        yield files
        files.shutdown()
        thread.join()


def dataset(content: bytes, **more: object) -> Official:
    digest = hashlib.sha256(content).hexdigest()
    return Official(
        name="small", title="Small", description="", sha256={"train": digest},
        energy_column="e_form_per_atom_wbm", timeout=0.5, cite=(), **more,
    )  # fmt: skip


GOOD = bz2.compress(CSV.encode())
PATH = "/small/raw/small_train.csv.bz2"


def test_the_first_use_downloads_and_the_second_does_not(server: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    server.put(PATH, GOOD)
    small = dataset(GOOD)
    assert not small.ready()
    split = small.load("train", Table.AFFINE)
    assert split.labels == tuple(Protostructure.parse(x).label for x in (SALT, RUTILE, IODIDE))
    assert split.energies is not None
    np.testing.assert_allclose(split.energies, [-2.1234, np.nan, -1.5], atol=6e-5)
    assert small.packed("train").ids("train") == ("m-1", "m-2", "m-3")
    assert server.asked == [PATH]
    monkeypatch.setattr(Official, "_convert", lambda *_: pytest.fail("read again"))
    assert small.load("train", Table.AFFINE).labels == split.labels
    assert server.asked == [PATH]
    assert small.ready()


def test_all_letter_tables_are_served(server: Files) -> None:
    server.put(PATH, GOOD)
    small = dataset(GOOD)
    for table in Table:
        assert small.load("train", table).labels[0] == Protostructure.parse(SALT, table).label


def test_a_file_put_by_hand_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRYSTALBENCH_DATA_URL", "http://127.0.0.1:1")
    small = dataset(GOOD)
    small.raw("train").parent.mkdir(parents=True)
    small.raw("train").write_bytes(GOOD)
    assert len(small.load("train", Table.AFFINE)) == 3


def test_a_wrong_file_put_by_hand_is_refused_and_kept() -> None:
    small = dataset(GOOD)
    small.raw("train").parent.mkdir(parents=True)
    small.raw("train").write_bytes(b"other")
    with pytest.raises(DatasetError, match=r"small_train\.csv\.bz2 is not the published file.*delete"):
        small.load("train", Table.AFFINE)
    assert small.raw("train").read_bytes() == b"other"


def refused(small: Official, problem: str) -> None:
    """The error names problem, address, place and remedy, and nothing is left behind."""
    with pytest.raises(DatasetError, match=problem) as caught:
        small.load("train", Table.AFFINE)
    message = str(caught.value)
    for part in (small.url("train"), str(small.raw("train")), small.sha256["train"], "CRYSTALBENCH_DATA_URL"):
        assert part in message
    assert not small.folder.exists() or not list(small.folder.iterdir())


def test_no_network_says_which_file_to_put_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRYSTALBENCH_DATA_URL", "http://127.0.0.1:1")
    refused(dataset(GOOD), "refused")


def test_a_corrupted_file_is_refused(server: Files) -> None:
    server.put(PATH, GOOD[:-1] + b"\0")
    refused(dataset(GOOD), "its sha256 is")


def test_a_truncated_file_is_refused(server: Files) -> None:
    server.put(PATH, GOOD[:50], length=len(GOOD))
    refused(dataset(GOOD), f"ended after 50 of {len(GOOD)} bytes")


def test_a_truncated_file_of_unknown_length_is_refused(server: Files) -> None:
    server.put(PATH, GOOD[:50], length=-1)
    refused(dataset(GOOD), "its sha256 is")


def test_an_absent_file_is_reported(server: Files) -> None:
    refused(dataset(GOOD), "the server answers 404")


def test_a_silent_server_is_given_up(server: Files) -> None:
    server.put(PATH, GOOD, wait=2.0)
    refused(dataset(GOOD), "timed out")


def test_no_other_scheme_is_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "small/raw").mkdir(parents=True)
    (tmp_path / "small/raw/small_train.csv.bz2").write_bytes(GOOD)
    monkeypatch.setenv("CRYSTALBENCH_DATA_URL", tmp_path.as_uri())
    refused(dataset(GOOD), "only http and https")


@pytest.mark.parametrize("length", [None, -1])
def test_an_oversized_file_is_given_up(server: Files, tmp_path: Path, length: int | None) -> None:
    server.put("/big", bytes(300_000), length=length)
    with pytest.raises(DatasetError, match="100000"):
        download(f"{server.url}/big", tmp_path / "big", "0" * 64, max_bytes=100_000)
    assert not list(tmp_path.iterdir())


def test_a_failed_download_keeps_the_file_that_is_there(server: Files, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"before")
    server.put("/file", b"after")
    with pytest.raises(DatasetError):
        download(f"{server.url}/file", tmp_path / "file", "0" * 64)
    assert (tmp_path / "file").read_bytes() == b"before"


def with_bad_rows(bad: int, of: int) -> bytes:
    rows = [SALT] * (of - bad) + ["A_cP1_999_a:Po"] * bad
    text = "wyckoff_spglib,e_form_per_atom_wbm\n" + "".join(f"{label},0.5\n" for label in rows)
    return bz2.compress(text.encode())


def test_few_bad_rows_are_left_out_listed_and_counted(server: Files, caplog: pytest.LogCaptureFixture) -> None:
    content = with_bad_rows(2, of=200)
    server.put(PATH, content)
    small = dataset(content)
    assert len(small.load("train", Table.AFFINE)) == 198
    assert "left out 2 of 200 rows (first: small_train.csv.bz2 row 200, 'A_cP1_999_a:Po'" in caplog.text
    (ledger,) = small.folder.glob("*.rejected.csv")
    assert len(ledger.read_text().splitlines()) == 3
    assert small.packed("train").about["rejected"] == 2


def test_many_bad_rows_are_an_error(server: Files) -> None:
    content = with_bad_rows(5, of=200)
    server.put(PATH, content)
    with pytest.raises(DatasetError, match=r"5 of 200 labels are invalid; first: small_train\.csv\.bz2 row 197"):
        dataset(content).load("train", Table.AFFINE)


def test_a_missing_column_is_named(server: Files) -> None:
    content = bz2.compress(b"label\nx\n")
    server.put(PATH, content)
    with pytest.raises(DatasetError, match="no column e_form_per_atom_wbm, wyckoff_spglib"):
        dataset(content).load("train", Table.AFFINE)


def test_an_unknown_split_is_refused_without_a_download(server: Files) -> None:
    with pytest.raises(DatasetError, match="no split 'holdout'; its splits: train"):
        dataset(GOOD).load("holdout", Table.AFFINE)
    assert server.asked == []


@pytest.mark.parametrize("official", OFFICIAL, ids=lambda official: official.name)
def test_the_published_datasets_keep_the_contract(
    official: Official, server: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With small files in the place of the published ones: addresses, columns and cards are the real ones."""
    energy = official.energy_column or "energy_per_atom"
    content = bz2.compress(f"wyckoff_spglib,{energy}\n{SALT},-2\n{RUTILE},-3\n".encode())
    digest = hashlib.sha256(content).hexdigest()
    assert all(len(bytes.fromhex(known)) == 32 for known in official.sha256.values())
    assert list(official.sha256) == ["train", "val", "test"]
    official = replace(official, sha256=dict.fromkeys(official.sha256, digest))
    assert official.name in official.card()
    for split in official.sha256:
        path = f"/{official.name}/raw/{official.name}_{split}.csv.bz2"
        server.put(path, content)
        official.load(split, Table.AFFINE)
    assert server.asked == [f"/{official.name}/raw/{official.name}_{x}.csv.bz2" for x in ("train", "val", "test")]
    check_dataset(official.spec)
    assert "| test | 2 | 2 | 2 |" in official.card()
    monkeypatch.delenv("CRYSTALBENCH_DATA_URL")
    assert official.url("train") == f"{BASE_URL}/{official.name}/raw/{official.name}_train.csv.bz2"


def test_fetch_downloads_all_splits(server: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    small = dataset(GOOD)
    server.put(PATH, GOOD)
    monkeypatch.setattr(fetch_command, "OFFICIAL", (small,))
    done = CliRunner().invoke(fetch_command.command, ["small"])
    assert done.exit_code == 0
    assert "small train: 3 rows, 3 protostructures" in done.output
    assert str(small.folder) in done.output
    with pytest.raises(ConfigError, match="did you mean 'small'"):
        CliRunner().invoke(fetch_command.command, ["smal"], catch_exceptions=False)


def test_hooks_declare_without_network() -> None:
    from crystalbench_plugins.datasets.official import crystalbench_datasets

    specs = list(crystalbench_datasets())
    assert [spec.name for spec in specs] == ["wbm", "mp20", "carbon24"]
    assert len({spec.identity() for spec in specs}) == 3
    assert not any(spec.ready() for spec in specs)
    assert "## Counts" not in specs[0].card()
