"""``python -m crystalbench``."""

from crystalbench.cli import main

main()
