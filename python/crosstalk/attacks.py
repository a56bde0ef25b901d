"""Attacks with injected rows on what an estimator learns.

Each attack is an object with its parameters; `run(estimator, X, y, ...)` places the rows. Use it on data that you are
responsible for.
"""

import numpy as np

from . import _core
from ._estimators import _Classifier, _MTRL, data_settings, grid_settings, learner_settings
from ._problem import Problem
from ._rows import names_of, positions, read_numbers, read_rows, seed_of, tasks_of, threads_of

__all__ = ["Exact", "Patom", "Poisoned", "RandomRows", "check_gradient"]


class Source:
    """Rows of a user as a problem of the library, and the way back."""

    def __init__(self, estimator, X, y, tasks, *, test_fraction=0.0, seed=1, repeatable=False):
        if not isinstance(estimator, _MTRL):
            raise TypeError(f"estimator is {type(estimator).__name__}; it must be an MTRL estimator of crosstalk")
        self.classes = None
        self.task = None if isinstance(X, Problem) else estimator.task
        if isinstance(X, Problem):
            if y is not None or tasks is not None:
                raise ValueError("y and tasks must be None: the problem has them")
            self.core = X._core
            self.tasks = np.array(X.task_names, dtype=object)
            self.rows, self.y, self.codes = None, None, None
            self.task_column = self.core.task_column or "task"
            self.label_column = self.core.label_column
            self.columns = list(X.feature_names) or [f"x{j + 1}" for j in range(X.X.shape[1])]
            self.X = X
        else:
            self.rows = read_rows(X, tasks, task=estimator.task, least_rows=2)
            self.tasks, self.codes = tasks_of(self.rows.ids)
            self.y = y
            labels = self._labels(estimator, y)
            self.task_column = estimator.task if isinstance(estimator.task, str) else "task"
            self.label_column = str(getattr(y, "name", None) or "label")
            self.columns = list(self.rows.columns) or [f"x{j + 1}" for j in range(self.rows.X.shape[1])]
            settings = data_settings(estimator) | {
                "test_fraction": test_fraction,
                "seed": seed,
                "repeatable": repeatable,
                "task_column": self.task_column,
                "label_column": self.label_column,
                "classes": None if self.classes is None else [str(name) for name in self.classes],
            }
            self.core = _core.problem(
                self.rows.X, labels, self.codes, names_of(self.tasks), self.rows.names(), settings
            )
            self.X = X
        self.core.set_learner(learner_settings(estimator))
        grid = grid_settings(estimator)
        if grid is not None:
            self.core.choose_lambdas(grid)

    def _labels(self, estimator, y):
        if not isinstance(estimator, _Classifier):
            return read_numbers(y, self.rows.X)
        self.classes, labels = np.unique(np.ravel(y), return_inverse=True)
        if len(self.classes) != 2:
            raise ValueError(f"y has {len(self.classes)} classes; an attack needs two")
        if len(labels) != len(self.rows.X):
            raise ValueError(f"y has {len(labels)} entries; it must have one for each of the {len(self.rows.X)} rows")
        return np.where(np.ravel(labels) == 1, 1.0, -1.0)

    def in_user_words(self, labels):
        return labels if self.classes is None else self.classes[(labels > 0).astype(int)]

    def positions(self, what, wanted):
        return positions(what, wanted, self.tasks)

    def frame(self, X, y, ids, injected):
        """Rows as a data frame of task, label, features and a column `injected`."""
        import pandas as pd

        frame = pd.DataFrame(X, columns=self.columns)
        for name, values in (("injected", injected), (self.label_column, y), (self.task_column, ids)):
            if name in frame.columns:
                raise ValueError(f"X has a column {name!r}, which is a name of the poisoned frame's own")
            frame.insert(len(frame.columns) if name == "injected" else 0, name, values)
        return frame


class Poisoned:
    """What an attack did.

    Attributes
    ----------
    X_, y_, tasks_ : ndarray
        The injected rows in the units of the data: (k, d), (k,) and (k,).
    kind_ : {"direct", "indirect", "hybrid"}
    utility_ : ndarray
        The attacker's utility, the summed loss of the targets' clean rows: of the clean model, of the rows that the
        attack began with, and after each iteration.
    exposure_ : DataFrame
        A row for each task: whether it is a target, its mean loss and metric by the clean model, by the model of the
        poisoned rows, and by one that also prepares its rows anew (`refit`). On the training rows.
    converged_ : bool
        Whether every fit did.
    """

    def __init__(self, source, record):
        self._source = source
        X, y, codes = record["rows"]
        self.X_ = X
        self.y_ = source.in_user_words(y)
        self.tasks_ = source.tasks[codes]
        self.kind_ = record["kind"]
        self.targets_ = source.tasks[record["targets"]]
        self.attackers_ = source.tasks[record["attackers"]]
        self.utility_ = np.array([record["utility_clean"], *record["utilities"]])
        self.optima_ = np.array(record["optima"])
        self.converged_ = record["converged"]
        self._record = record

    @property
    def exposure_(self):
        import pandas as pd

        record = self._record
        metric = next(iter(record["clean_metrics"]))
        return pd.DataFrame(
            {
                "task": self._source.tasks,
                "target": np.isin(np.arange(len(self._source.tasks)), record["targets"]),
                "clean_loss": record["clean_losses"],
                "loss": record["poisoned_losses"],
                "refit_loss": record["refit_losses"],
                f"clean_{metric}": record["clean_metrics"][metric],
                metric: record["poisoned_metrics"][metric],
                f"refit_{metric}": record["refit_metrics"][metric],
            }
        )

    def poisoned(self):
        """The clean rows, and behind them the injected ones, as a data frame with a column `injected`."""
        source = self._source
        if source.rows is None:
            X, y, ids = source.X.X, source.X.y, source.X.tasks
        else:
            X, y, ids = source.rows.X, np.ravel(source.y), source.rows.ids
        return source.frame(
            np.concatenate([X, self.X_]),
            np.concatenate([y, self.y_]),
            np.concatenate([ids, self.tasks_.astype(ids.dtype)]),
            np.repeat([0, 1], [len(X), len(self.X_)]),
        )

    def __repr__(self):
        return f"Poisoned({self.kind_}, {len(self.X_)} rows, utility {self.utility_[0]:.4g} -> {self.utility_[-1]:.4g})"


class _Attack:
    def _settings(self):
        return {}

    def run(self, estimator, X, y=None, *, tasks=None, targets=None, attackers=None):
        """Places injected rows against an estimator on these rows.

        Parameters
        ----------
        estimator : MTRLRegressor, MTRLClassifier, or one of their CV forms
            Its parameters are the learner's. It is neither fitted nor changed.
        X, y, tasks
            As in the estimator's `fit`; or X is a :class:`Problem`.
        targets : list of tasks, optional
            Whose loss the attacker raises; a random half by default, or all that are no attackers.
        attackers : list of tasks, optional
            That the attacker can add rows to; the targets by default.

        Returns
        -------
        Poisoned
        """
        seed = seed_of(self.random_state)
        source = Source(estimator, X, y, tasks, seed=seed)
        settings = self._settings() | {
            "method": self._method,
            "budget": self.budget,
            "labels": self.labels,
            "radius": self.radius,
            "schema": self.schema,
            "stealth": list(self.stealth),
            "objective": "training",
            "seed": seed,
            "targets": source.positions("targets", targets),
            "attackers": source.positions("attackers", attackers),
        }
        return Poisoned(source, source.core.attack(settings))

    def __repr__(self):
        shown = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({shown})"


_COMMON = """
    Parameters
    ----------
    budget : float in [0, 100], default=0.3
        Injected rows of an attacking task, as a share of its clean rows.
    labels : {labels}, default={default}
        How the labels of injected rows are chosen: drawn from the task's own, uniform in their range, its ends{free}.
    radius : float > 0, optional
        A ball for the injected rows, in largest norms of a clean row; 1 where `schema` gives no rules.
    schema : {{"auto", "none"}}, optional
        auto: columns stay in the range of the data; whole numbers, 0/1 and words' columns stay such. None: auto, within
        the ball where no column is of that kind.
    stealth : sequence of {{"distance", "residual"}}, default=()
        Screens that the rows must pass.
    random_state : int, RandomState or None, default=1
        A whole number is the command's `--seed`."""


class RandomRows(_Attack):
    __doc__ = f"""Rows drawn at random, as a baseline.
{_COMMON.format(labels='{"clean", "uniform", "ends"}', default='"uniform"', free='')}
    """
    _method = "random"

    def __init__(self, budget=0.3, *, labels="uniform", radius=None, schema=None, stealth=(), random_state=1):
        self.budget = budget
        self.labels = labels
        self.radius = radius
        self.schema = schema
        self.stealth = stealth
        self.random_state = random_state


class Patom(_Attack):
    __doc__ = f"""PATOM: projected stochastic gradient ascent on the rows' features; labels stay [1]_.
{_COMMON.format(labels='{"clean", "uniform", "ends"}', default='"uniform"', free='')}
    step : float > 0, default=100
    iterations : int >= 0, default=10
    batch_share : float in (0, 1000], default=3
        Rows of a batch, as a multiple of the targets' rows.

    References
    ----------
    .. [1] M. Zhao et al. Data poisoning attacks on multi-task relationship learning. AAAI 2018, Algorithm 1.
    """
    _method = "patom"

    def __init__(
        self, budget=0.3, *, labels="uniform", radius=None, schema=None, stealth=(), step=100.0, iterations=10,
        batch_share=3.0, random_state=1,
    ):
        self.budget = budget
        self.labels = labels
        self.radius = radius
        self.schema = schema
        self.stealth = stealth
        self.step = step
        self.iterations = iterations
        self.batch_share = batch_share
        self.random_state = random_state

    def _settings(self):
        return {"step": self.step, "iterations": self.iterations, "batch_share": self.batch_share}


class Exact(_Attack):
    __doc__ = f"""The strongest attack found by exact gradients from several starts, PATOM's end among them.
{_COMMON.format(labels='{"free", "clean", "uniform", "ends"}', default='"free"', free=", or the attacker's to choose")}
    starts : int >= 1, default=8
    iterations : int >= 0, default=100
        Accepted steps from every start.
    n_jobs : int or None, default=None
        Threads; -1 for all cores. Results do not depend on it.

    Examples
    --------
    >>> import numpy as np, crosstalk as ct
    >>> rng = np.random.RandomState(0)
    >>> X = rng.normal(size=(60, 3)); users = np.repeat(["ann", "bob", "eve"], 20)
    >>> y = X @ [1., 2., 0.] + 0.1 * rng.normal(size=60)
    >>> est = ct.MTRLRegressor(lambda1=1e-3, lambda2=1e-2)
    >>> p = ct.attacks.Exact(budget=0.2, starts=1).run(est, X, y, tasks=users, targets=["ann"], attackers=["bob"])
    >>> p.kind_, p.X_.shape, bool(p.utility_[-1] > p.utility_[0])
    ('indirect', (4, 3), True)
    """
    _method = "exact"

    def __init__(
        self, budget=0.3, *, labels="free", radius=None, schema=None, stealth=(), starts=8, iterations=100,
        random_state=1, n_jobs=None,
    ):
        self.budget = budget
        self.labels = labels
        self.radius = radius
        self.schema = schema
        self.stealth = stealth
        self.starts = starts
        self.iterations = iterations
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _settings(self):
        return {"starts": self.starts, "exact_iterations": self.iterations, "threads": threads_of(self.n_jobs)}


def check_gradient(
    estimator, X, y=None, *, tasks=None, targets=None, attackers=None, budget=0.3, labels="uniform", entries=100,
    step=1e-2, random_state=1,
):
    """The attacks' gradients against refits with one number moved.

    Parameters
    ----------
    estimator, X, y, tasks, targets, attackers, budget, labels
        As in :class:`Exact` and its `run`.
    entries : int >= 1, default=100
        Entries of random injected rows that are compared.
    step : float > 0, default=1e-2
        Spacing of the differences, in the learner's units.

    Returns
    -------
    DataFrame
        A row for each gradient (patom, fixed-covariance, exact): relative_error, cosine, length, label_error, seconds.
    """
    import pandas as pd

    seed = seed_of(random_state)
    source = Source(estimator, X, y, tasks, seed=seed)
    settings = {
        "targets": source.positions("targets", targets),
        "attackers": source.positions("attackers", attackers),
        "budget": budget,
        "labels": labels,
        "entries": entries,
        "step": step,
        "seed": seed,
    }
    return pd.DataFrame(source.core.check_gradient(settings)).set_index("gradient")
