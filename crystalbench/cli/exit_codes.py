"""What a command's exit code means; the one place where they are made."""

from enum import IntEnum
from errno import ENAMETOOLONG

import click

from crystalbench.errors import (
    ConfigError,
    CrystalbenchError,
    DatasetError,
    EncoderError,
    PotentialError,
    ProtostructureError,
    ReadError,
    of_system,
)


class ExitCode(IntEnum):
    """0 all good, 1 something failed or differs, 2 what was given cannot be used, 130 Ctrl-C."""

    GOOD = 0
    FAILED = 1
    UNUSABLE = 2
    INTERRUPTED = 130


_GIVEN = (ConfigError, ProtostructureError, ReadError, DatasetError, EncoderError, PotentialError)
"""What is wrong with an option, a name or a file that the user gave."""
_PATHS = (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError)
"""What the system says of a path that the user gave; a full or broken disk is no one's choice."""


class _Unusable(click.ClickException):
    exit_code = ExitCode.UNUSABLE


def ended(error: CrystalbenchError | OSError, also: str = "") -> click.ClickException:
    """Return what click prints and exits with for an error; usage is shown where an option or a name is wrong."""
    message = (of_system(error) if isinstance(error, OSError) else str(error)) + also
    if isinstance(error, ConfigError):
        return click.UsageError(message)
    given = isinstance(error, (*_GIVEN, *_PATHS)) or (isinstance(error, OSError) and error.errno == ENAMETOOLONG)
    return _Unusable(message) if given else click.ClickException(message)
