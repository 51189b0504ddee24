"""Read a file in a process of its own, with limits on its time and memory, as `crystalbench convert` would.

``python -m tests.hostile.bounded FILE [READER ...]`` prints what came of it as one line of JSON.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

SECONDS = 60
BYTES = 10**9


@dataclass(frozen=True, slots=True)
class Outcome:
    """What reading a file took: CPU seconds, bytes at the peak, samples by reader, and errors by reader."""

    seconds: float
    peak: int
    samples: dict[str, int]
    errors: dict[str, str]

    @property
    def lost(self) -> bool:
        """Whether more was taken than a file of 10 MB may, or something else than `ReadError` was raised."""
        return self.seconds > SECONDS or self.peak > BYTES or any(map(is_crash, self.errors.values()))


def is_crash(error: str) -> bool:
    return not error.startswith(("ReadError: ", "SettingError: ", "ConfigError: "))


def in_child(path: Path, readers: Sequence[str] = (), seconds: int = 3 * SECONDS, memory: int = 3 * BYTES) -> Outcome:
    """Return the outcome; a process that its limits ended counts as having taken them whole."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    done = subprocess.run(
        [sys.executable, "-m", __name__, str(path), *readers],
        cwd=ROOT, capture_output=True, text=True, check=False, preexec_fn=limit, timeout=20 * seconds,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    if done.returncode or not done.stdout.startswith("{"):
        return Outcome(seconds, memory, {}, {"process": f"ended with {done.returncode}: {done.stderr[-300:]}"})
    return Outcome(**json.loads(done.stdout))


def reader_of(path: Path) -> str:
    """Return the reader that takes a file, or the one that a user would name."""
    from crystalbench_baselines._streams import plain_name
    from tests.baselines.conftest import READERS, detected

    likely = [name for name, spec in READERS.items() if plain_name(path.name).endswith(spec.suffixes)]
    return (*detected(path), *likely, "cif")[0]


def measured(path: Path, readers: Sequence[str]) -> Outcome:
    """Detect the reader of a file and read it with that; where none takes it, with the one that its name tells."""
    from tests.baselines.conftest import READERS

    start = time.process_time()
    samples, errors = {}, {}
    for name in readers or (reader_of(path),):
        samples[name] = 0
        try:
            for _ in READERS[name].read(path, {}):
                samples[name] += 1
        except Exception as error:
            errors[name] = f"{type(error).__name__}: {error}"[:300]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Outcome(time.process_time() - start, peak, samples, errors)


if __name__ == "__main__":
    import dataclasses

    print(json.dumps(dataclasses.asdict(measured(Path(sys.argv[1]), sys.argv[2:]))))
