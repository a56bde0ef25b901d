"""OpenBLAS 0.3.21 takes processors newer than itself for a Prescott: its kernels are slow, and dsymv reads past the end
of its vector. It reads its choice from the environment when it is loaded, so this comes before NumPy."""

import contextlib
import os
import sys


def _flags():
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            return next((set(line.split()) for line in file if line.startswith("flags")), set())
    except OSError:
        return set()


@contextlib.contextmanager
def known_kernels():
    """Loads what loads OpenBLAS with kernels that fit the processor; the environment stays as it was."""
    name = "OPENBLAS_CORETYPE"
    flags = set() if name in os.environ else _flags()
    kernel = "SkylakeX" if "avx512bw" in flags else "Haswell" if "avx2" in flags else None
    if kernel is None or "numpy" in sys.modules:
        yield
        return
    os.environ[name] = kernel
    try:
        import numpy  # noqa: F401

        yield
    finally:
        del os.environ[name]
