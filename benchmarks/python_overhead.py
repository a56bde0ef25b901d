#!/usr/bin/env python3
"""What the Python package adds to the library, as a CSV.

    PYTHONPATH=build/python benchmarks/python_overhead.py experiments/results/python_overhead.csv

Overheads of a fit are its time in Python less the time inside the library, for the same rows; medians of repeats. The
peak is that of a process of its own, above what it held before the fit, in sizes of X.
"""

import os
import signal
import statistics
import subprocess
import sys
import threading
import time

IMPORT = """
import time
import numpy, sklearn.base, sklearn.metrics, sklearn.utils.multiclass
start = time.perf_counter()
import crosstalk
print(time.perf_counter() - start)
"""
PEAK = """
import resource, numpy as np, crosstalk as ct
n, d = 1_000_000, 25
X = np.random.default_rng(0).normal(size=(n, d)); y = X.sum(1); tasks = np.arange(n) % 50
ct.MTRLRegressor().fit(X[:500], y[:500], tasks=tasks[:500])
peak = lambda: 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
ct.MTRLRegressor().fit(X, y, tasks=tasks)
print((peak() - before) / X.nbytes)
"""


def in_new_process(code):
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def rows(n, d, m):
    import numpy as np

    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    ids = np.arange(n) % m
    return X, np.einsum("nd,nd->n", X, rng.normal(size=(m, d))[ids]) + rng.normal(size=n), ids


def overhead(n, d, m, repeats):
    """Seconds in Python and inside the library."""
    import crosstalk as ct
    from crosstalk import _core

    X, y, ids = rows(n, d, m)
    inside, inner = [], _core.fit

    def timed(*arguments):
        record = inner(*arguments)
        inside.append(record["seconds"])
        return record

    _core.fit = timed
    total = []
    for _ in range(repeats):
        start = time.perf_counter()
        ct.MTRLRegressor(lambda1=1e-3, lambda2=1e-2).fit(X, y, tasks=ids)
        total.append(time.perf_counter() - start)
    _core.fit = inner
    added = statistics.median(t - i for t, i in zip(total, inside))
    return added, statistics.median(inside)


def interrupt():
    import crosstalk as ct

    X, y, ids = rows(20000, 150, 40)
    pressed = []

    def press():
        pressed.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Timer(2.0, press).start()
    try:
        ct.MTRLClassifierCV(loss="logistic").fit(X, y > 0, tasks=ids)
    except KeyboardInterrupt:
        return time.perf_counter() - pressed[0]
    raise RuntimeError("the fit ended before Ctrl-C")


def main(path):
    # First: a child's peak is no less than its parent's was when it was started.
    lines = [("peak memory of a fit of 200 MB of rows beyond X", in_new_process(PEAK), "sizes of X")]
    lines += [("import beyond NumPy and scikit-learn", statistics.median(in_new_process(IMPORT) for _ in range(5)), "s")]
    for n, d, m, repeats in ((2100, 21, 7, 51), (1_000_000, 21, 7, 5)):
        added, inside = overhead(n, d, m, repeats)
        lines.append((f"fit of {n} rows; {d} features; {m} tasks: inside the library", inside, "s"))
        lines.append((f"fit of {n} rows; {d} features; {m} tasks: added by Python", added, "s"))
    lines.append(("Ctrl-C to the end of a fit", interrupt(), "s"))
    with open(path, "w", encoding="utf-8") as file:
        file.write("what,value,unit\n")
        for what, value, unit in lines:
            file.write(f"{what},{value:.4g},{unit}\n")
            print(f"{what}: {value:.4g} {unit}")


if __name__ == "__main__":
    main(sys.argv[1])
