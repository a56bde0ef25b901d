import numpy as np
import pytest


@pytest.fixture
def users():
    """60 rows of three users whose weights are known."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(60, 3))
    tasks = np.repeat(["ann", "bob", "eve"], 20)
    y = X @ [1.0, 2.0, 0.0] + (tasks == "eve") * X[:, 2] + 0.1 * rng.normal(size=60)
    return X, y, tasks
