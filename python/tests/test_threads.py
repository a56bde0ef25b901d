"""Ctrl-C, threads, and what an import costs."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import crosstalk as ct


def large(seed, rows, columns, tasks=40):
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(rows, columns))
    ids = np.arange(rows) % tasks
    W = rng.normal(size=(tasks, columns))
    return X, np.einsum("nd,nd->n", X, W[ids]) + rng.normal(size=rows), ids


def test_ctrl_c_ends_a_fit_within_a_second():
    X, y, ids = large(0, rows=4000, columns=60, tasks=20)
    est = ct.MTRLClassifierCV(loss="logistic")  # minutes
    pressed = []

    def press():
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(1.5, press)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        est.fit(X, y > 0, tasks=ids)
    ended = time.monotonic()
    timer.join()
    assert ended - pressed[0] < (5.0 if "asan" in os.environ.get("LD_PRELOAD", "") else 1.0)
    assert ct.MTRLRegressor().fit(X[:200], y[:200]).coef_.shape == (1, 60)  # nothing is left behind


def test_the_interpreter_goes_on_while_a_fit_runs():
    X, y, ids = large(1, rows=3000, columns=60)
    ticks = []
    done = threading.Event()

    def tick():
        while not done.wait(0.005):
            ticks.append(time.monotonic())

    ticker = threading.Thread(target=tick)
    ticker.start()
    start = time.monotonic()
    ct.MTRLClassifier(loss="logistic", lambda1=1e-5, lambda2=1e-4).fit(X, y > 0, tasks=ids)
    end = time.monotonic()
    done.set()
    ticker.join()
    assert sum(start < t < end for t in ticks) >= 3


def test_two_threads_learn_what_one_learns():
    sets = [large(seed, rows=2000, columns=20) for seed in (2, 3)]
    alone = [ct.MTRLRegressor().fit(X, y, tasks=ids).coef_ for X, y, ids in sets]
    together = [None, None]

    def learn(k):
        X, y, ids = sets[k]
        together[k] = ct.MTRLRegressor().fit(X, y, tasks=ids).coef_

    threads = [threading.Thread(target=learn, args=(k,)) for k in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in (0, 1):
        np.testing.assert_array_equal(together[k], alone[k])


def test_an_import_loads_neither_pandas_nor_torch():
    code = "import sys, crosstalk; print([m for m in ('pandas', 'torch', 'matplotlib') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
