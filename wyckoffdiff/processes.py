"""Several processes that train one model together, started by ``torchrun``."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.distributed
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Processes:
    """This process among those of a run under ``torchrun``."""

    rank: int = 0
    count: int = 1

    @classmethod
    @contextlib.contextmanager
    def joined(cls) -> Iterator["Processes"]:
        """Join the group that torchrun's environment describes, if it does; one process otherwise."""
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            yield cls()
            return
        cuda = torch.cuda.is_available()
        if cuda:
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        torch.distributed.init_process_group("nccl" if cuda else "gloo")
        try:
            yield cls(torch.distributed.get_rank(), torch.distributed.get_world_size())
        finally:
            torch.distributed.destroy_process_group()

    def sum(self, value: Tensor) -> Tensor:
        """Add a tensor up over the processes."""
        if self.count > 1:
            torch.distributed.all_reduce(value)
        return value
