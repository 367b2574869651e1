"""What a student is trained on: the device, the precision, and how a step is put together."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
import warnings
from typing import NamedTuple

import torch

from onnxguard.base.errors import UsageError

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


class Compute(NamedTuple):
    """How steps are computed.

    Attributes:
        device: cpu or cuda:N.
        bf16: forward and backward in bfloat16 where autocast allows it; the weights are float32.
        compiled: by torch.compile.
        graphed: the whole step as one CUDA graph.
    """

    device: torch.device
    bf16: bool = False
    compiled: bool = False
    graphed: bool = False

    @property
    def precision(self) -> str:
        """``fp32`` or ``bf16``."""
        return "bf16" if self.bf16 else "fp32"


def choose_compute(
    device: str = "auto",
    precision: str = "auto",
    compiled: bool = False,
    graphed: bool | None = None,
    local_rank: int = 0,
    alone: bool = True,
) -> Compute:
    """Settle what was left open.

    Args:
        device: auto takes CUDA where it is.
        precision: auto takes bf16 on CUDA and fp32 on a CPU.
        compiled: use torch.compile.
        graphed: record a step as a CUDA graph; None: on CUDA, where one process trains alone.
        local_rank: which of the machine's GPUs.
        alone: whether no other process trains the same network.

    Raises:
        UsageError: something was asked for that is not here.
    """
    cuda = torch.cuda.is_available()
    if device == "cuda" and not cuda:
        raise UsageError("--device cuda: PyTorch finds no GPU here; use --device cpu")
    on_cuda = device != "cpu" and cuda
    if on_cuda and local_rank >= torch.cuda.device_count():
        raise UsageError(
            f"process {local_rank} of this machine has no GPU of its own: there are "
            f"{torch.cuda.device_count()}"
        )
    bf16 = precision == "bf16" or (precision == "auto" and on_cuda)
    if bf16 and not on_cuda and not cpu_has_bf16():
        raise UsageError(
            "--precision bf16: this processor has no bfloat16 instructions, and without them it "
            "is ten times slower than fp32; use --precision fp32"
        )
    if graphed and not (on_cuda and alone):
        raise UsageError("--cuda-graph: for one process on one GPU")
    where = torch.device(f"cuda:{local_rank}") if on_cuda else torch.device("cpu")
    use_graph = on_cuda and alone and not compiled if graphed is None else graphed
    return Compute(where, bf16, compiled, use_graph)


def prepare(compute: Compute) -> None:
    """Set this process up for training."""
    if compute.device.type == "cuda":
        torch.cuda.set_device(compute.device)
        torch.backends.cudnn.benchmark = True  # shapes do not change
        with warnings.catch_warnings():
            # From 2.9 on PyTorch may advise another switch, which it does not let mix with this.
            warnings.simplefilter("ignore", UserWarning)
            torch.backends.cudnn.allow_tf32 = False  # fp32 means it
    else:
        keep_freed_memory()


def keep_freed_memory() -> None:
    """Let glibc keep what is freed: else every step asks the system for the same pages again."""
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)


def cpu_has_bf16() -> bool:
    """Whether the processor computes in bfloat16 itself (AVX-512 BF16, AMX or Arm's)."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as stream:
            flags = stream.read().split()
    except OSError:
        return False
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(flags)


def describe(compute: Compute, processes: int) -> tuple[tuple[str, str], ...]:
    """``(what, which)`` of the hardware, for a report."""
    facts = [("device", str(compute.device)), ("precision", compute.precision)]
    if compute.device.type == "cuda":
        facts.append(("GPU", torch.cuda.get_device_name(compute.device)))
        facts.append(("CUDA graph", "yes" if compute.graphed else "no"))
    facts += [
        ("torch.compile", "yes" if compute.compiled else "no"),
        ("processor", _processor()),
        ("cores", str(os.cpu_count())),
        ("threads", str(torch.get_num_threads())),
        ("processes", str(processes)),
        ("system", f"{platform.system()} {platform.machine()}"),
    ]
    return tuple(facts)


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as stream:
            for line in stream:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
