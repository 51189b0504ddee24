"""The published tables: downloaded once, checked, reduced. Against a local server; the real one was never asked."""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from crystalbench import Gap
from crystalbench.runs.cache import cache_dir
from crystalbench_plugins.hulls.official import MIRROR, OFFICIAL, HullError, Official, PublishedTable

MP = gzip.compress(
    b"material_id,formula,formation_energy_per_atom,energy_above_hull\n"
    b"mp-1,NaCl,-2.0,0.1\nmp-2,Na,0.02,0.02\nmp-3,AgW,0.3,0.3\nmp-4,MgO,,\nmp-5,NaN3,-0.2,0.0\n"
)
WBM = gzip.compress(b"material_id,formula,e_form_per_atom_mp2020_corrected\nwbm-1-1,Na2 Cl2,-2.2\nwbm-1-2,MgO,-3.0\n")


class _Files(BaseHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012 - emptied by the fixture

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = {"/mp.csv.gz": MP, "/wbm.csv.gz": WBM}[self.path]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    _Files.asked.clear()
    with HTTPServer(("127.0.0.1", 0), _Files) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        monkeypatch.setenv(MIRROR, f"http://127.0.0.1:{server.server_port}/")
        yield _Files.asked
        server.shutdown()
        thread.join()


def small(mp: bytes = MP) -> Official:
    of_mp, of_wbm = OFFICIAL[0].tables
    return Official(
        name="small",
        title="Small",
        tables=(
            PublishedTable(
                source="mp",
                name="mp.csv.gz",
                number="1",
                md5=hashlib.md5(mp).hexdigest(),
                energy=of_mp.energy,
                above_hull=of_mp.above_hull,
            ),
            PublishedTable(
                source="wbm", name="wbm.csv.gz", number="2", md5=hashlib.md5(WBM).hexdigest(), energy=of_wbm.energy
            ),
        ),
    )


def test_the_first_use_downloads_and_the_second_does_not(asked: list[str]) -> None:
    for _ in range(2):
        hull = small().load()
        assert asked == ["/mp.csv.gz", "/wbm.csv.gz"]
    assert hull.distance({11: 1, 17: 1}, -2.0) == pytest.approx(0.2)  # WBM's is the lower
    assert hull.distance({12: 1, 8: 1}, -3.0) == pytest.approx(0)
    assert hull.distance({11: 1, 7: 3}, -0.2) == pytest.approx(0)  # a formula, and no missing value
    assert hull.gap({47: 1, 74: 1}) is None  # known, and above the elements
    assert hull.gap({47: 1, 42: 1}) is Gap.THIN


def test_another_file_than_the_published_one_is_refused(asked: list[str]) -> None:
    with pytest.raises(HullError, match=r"its md5 is [0-9a-f]{32}: another file, or a damaged one"):
        small(mp=b"other").load()
    assert not list(cache_dir().glob("hulls/*.gz"))


def test_a_table_without_its_columns_is_named(asked: list[str]) -> None:
    (cache_dir() / "hulls").mkdir(parents=True)
    (cache_dir() / "hulls/mp.csv.gz").write_bytes(gzip.compress(b"formula\nNaCl\n"))
    with pytest.raises(HullError, match=r"mp\.csv\.gz: .*formation_energy_per_atom.*; delete it"):
        small().load()


def test_identity_follows_the_published_digests_and_needs_no_download() -> None:
    assert small().identity() == small().identity() != small(mp=b"other").identity()
    assert all(len(table.md5) == 32 for hull in OFFICIAL for table in hull.tables)
    assert all(table.md5 in hull.card() for hull in OFFICIAL for table in hull.tables)
