"""One file from the network: streamed, bounded, checked, and in place only when it is right."""

import hashlib
import http.client
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from crystalbench import CrystalbenchError, DatasetError
from crystalbench.runs.cache import atomic_write
from crystalbench.runs.progress import bar

MAX_BYTES = 500_000_000
"""Largest file that is accepted; the largest known one is below 100 MB."""

_BLOCK = 1 << 16


def download(
    url: str,
    path: Path,
    expected: str,
    *,
    timeout: float = 30.0,
    max_bytes: int = MAX_BYTES,
    error: type[CrystalbenchError] = DatasetError,
    mirror: str = "CRYSTALBENCH_DATA_URL",
    algorithm: str = "sha256",
) -> None:
    """Write the file at ``url`` to ``path`` if its digest is the given one.

    Parameters
    ----------
    url : str
        http or https.
    path : Path
        Replaced whole, or left as it was.
    expected : str
        Digest in hex.
    timeout : float
        Seconds that the server may stay silent.
    max_bytes : int
        Size at which the download is given up.
    error : type
        What is raised.
    mirror : str
        Environment variable that may hold another address.
    algorithm : str
        Name of the digest; "md5" only where a source publishes no other.

    Raises
    ------
    CrystalbenchError
        An ``error`` with what went wrong and how to do without the network.
    """
    digest = f"{algorithm} {expected}"
    try:
        _fetch(url, path, expected, algorithm, timeout, max_bytes)
    except urllib.error.HTTPError as answer:
        with answer:
            problem = f"the server answers {answer.code} {answer.reason}"
            raise error(_failed(url, path, digest, problem, mirror)) from None
    except (OSError, http.client.HTTPException, ValueError) as cause:
        reason = getattr(cause, "reason", None) or cause  # URLError wraps what happened
        raise error(_failed(url, path, digest, f"{type(cause).__name__}: {reason}", mirror)) from cause


def _fetch(url: str, path: Path, expected: str, algorithm: str, timeout: float, max_bytes: int) -> None:
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("only http and https addresses are opened")
    request = urllib.request.Request(url, headers={"User-Agent": "crystalbench"})
    with urllib.request.urlopen(request, timeout=timeout) as response:
        stated = response.headers.get("Content-Length", "")
        total = int(stated) if stated.isdecimal() else None
        if total is not None and total > max_bytes:
            raise ValueError(f"{total} bytes are more than the {max_bytes} accepted")
        digest = hashlib.new(algorithm, usedforsecurity=False)
        done = 0
        with atomic_write(path) as file, bar(path.name, total, "B") as show:
            while block := response.read(_BLOCK):
                done += len(block)
                if done > max_bytes:
                    raise ValueError(f"more than the {max_bytes} bytes accepted")
                digest.update(block)
                file.write(block)
                show(done)
            if total is not None and done < total:
                raise ValueError(f"the connection ended after {done} of {total} bytes")
            if digest.hexdigest() != expected:
                raise ValueError(f"its {algorithm} is {digest.hexdigest()}: another file, or a damaged one")


def _failed(url: str, path: Path, digest: str, problem: str, mirror: str) -> str:
    return (
        f"cannot download {url}\n{problem}\n"
        f"Without the network: get this file elsewhere and put it at\n    {path}\n"
        f"({digest}), or set {mirror} to a mirror."
    )
