"""Audits: what attacks of several kinds and sizes would do."""

import html
import operator
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from sklearn.utils.multiclass import type_of_target

from ._estimators import MTRLClassifierCV, MTRLRegressorCV, _MTRL
from ._problem import Problem
from ._rows import seed_of, threads_of
from .attacks import Source


def default_estimator(X, y, task, random_state, n_jobs):
    """The command's learner: MTRL with cross-validated lambdas; two values of a label are classes."""
    common = {"task": task, "random_state": random_state, "n_jobs": n_jobs}
    if isinstance(X, Problem):
        return X.estimator(cv=True, **common | {"task": None}) if X._core.pca == 0 else _of_components(X, common)
    two = y is not None and type_of_target(np.ravel(y)) == "binary"
    return MTRLClassifierCV(**common) if two else MTRLRegressorCV(**common)


def _of_components(problem, common):
    # The rows are prepared already; the estimator only says how to learn.
    cls = MTRLClassifierCV if problem._core.is_classification else MTRLRegressorCV
    return cls(**common | {"task": None})


def _draw(figures):
    """SVGs by gnuplot, where it is installed."""
    if shutil.which("gnuplot") is None:
        return {}
    svgs = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, csv, script in figures:
            (Path(folder) / f"{name}.csv").write_text(csv, encoding="utf-8")
            done = subprocess.run(
                ["gnuplot", "-d", "/dev/stdin"], input=script.encode(), cwd=folder, capture_output=True, check=False
            )
            if done.returncode == 0 and done.stdout.rstrip().endswith(b"</svg>"):
                svgs[name] = done.stdout.decode()
    return svgs


class AuditResult:
    """What an audit found; made by :func:`audit`.

    Attributes
    ----------
    exposure_ : DataFrame
        One row for each attack and task: scenario, kind, method, budget, task, target, attacker, clean_loss, loss,
        rise (loss / clean_loss - 1), clean_metric, metric, converged. Losses are means over held-out rows.
    summary_ : DataFrame
        One row for each kind, method and budget: rise (of the targets' summed loss), refit_rise (of a learner that also
        prepares its rows anew), clean_metric, metric, utility_rise.
    answer_ : str
        The result in a sentence or two.
    metric_ : str
        Which metric that is: nmse, or auc.
    tables_ : dict of DataFrame
        Every table of the report, bounds and the cheapest attacks among them.
    """

    def __init__(self, core, source):
        import pandas as pd

        self._core = core
        self.tasks_ = source.tasks
        self.metric_ = core.metric
        self.answer_ = core.answer
        self.exposure_ = pd.DataFrame(core.outcomes())
        self.exposure_["task"] = source.tasks[self.exposure_["task"].to_numpy()]
        self.summary_ = pd.DataFrame(core.summary())
        self.clean_objective_ = core.clean_objective

    @property
    def tables_(self):
        import pandas as pd

        tables = self._core.tables()
        return {name: pd.DataFrame(table["rows"], columns=table["columns"]) for name, table in tables.items()}

    def rise(self, budget):
        """The largest rise of the targets' loss, over all kinds, by the most planned method at this budget."""
        of_method = self.summary_[self.summary_["method"] == self._core.planned_method]
        rows = of_method[np.isclose(of_method["budget"], budget, rtol=0, atol=1e-12)]
        if rows.empty:
            known = ", ".join(f"{one:g}" for one in sorted(of_method["budget"].unique()))
            raise ValueError(f"budget is {budget:g}; it must be one of the audit's: {known}")
        return float(rows["rise"].max())

    def check(self, rule):
        """Whether a rule such as "rise@0.1 <= 0.25" holds: for tests and CI.

        Examples
        --------
        `assert result.check("rise@0.1 <= 0.25"), result.answer_`
        """
        match = re.fullmatch(r"\s*rise@([0-9.eE+-]+)\s*(<=|<|>=|>)\s*([0-9.eE+-]+)\s*", rule)
        if match is None:
            raise ValueError(f"rule is {rule!r}; it must be such as 'rise@0.1 <= 0.25'")
        compare = {"<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt}[match[2]]
        return bool(compare(self.rise(float(match[1])), float(match[3])))

    def to_html(self, path=None):
        """The report of the command as one file that loads nothing; its text where no path is given.

        gnuplot draws the figures where it is installed, else the report says that they are missing."""
        text = self._core.html(_draw(self._core.figures()))
        if path is None:
            return text
        Path(path).write_text(text, encoding="utf-8")
        return None

    def _repr_html_(self):
        return f"<p>{html.escape(self.answer_)}</p>" + self.summary_.to_html(index=False, float_format="%.3g")

    def __repr__(self):
        return f"AuditResult({self.answer_})"


def audit(
    X, y=None, *, task=None, tasks=None, estimator=None, budgets=(0.05, 0.1, 0.2, 0.3),
    methods=("random", "patom", "exact"), targets=None, attackers=None, labels="free", test_fraction=0.3, repeats=5,
    defence=None, fictitious=0, rows_each=2, stealth=(), schema=None, radius=None, random_state=1, n_jobs=None,
):
    """Attacks a learner in several ways and measures what each does, as the command `audit`.

    Parameters
    ----------
    X, y, task, tasks
        Rows, as in :class:`MTRLRegressor` and its `fit`; or X is a :class:`Problem`.
    estimator : MTRL estimator, optional
        The learner; by default one with cross-validated lambdas, for classes where y has two values.
    budgets : sequence of float >= 0
        Injected rows, as shares of a task's rows.
    methods : sequence of {"random", "patom", "exact"}
    targets, attackers : lists of tasks, optional
        By default the tasks are halved at random, and each half is attacked once.
    labels : {"free", "clean", "uniform", "ends"}
    test_fraction : float in [0, 1), default=0.3
        Share of each task's rows to measure on.
    repeats : int >= 1, default=5
        Splits over which the headline's attack is repeated.
    defence : {"trim", "huber", "screen"}, optional
        A defence that is put before the learner, too.
    fictitious, rows_each : int
        Tasks that the attacker makes up, and the rows of each.
    stealth, schema, radius
        Limits of the rows, as in :class:`crosstalk.attacks.Exact`.
    random_state, n_jobs
        A whole number is the command's `--seed`; threads.

    Returns
    -------
    AuditResult
    """
    seed = seed_of(random_state)
    if estimator is None:
        estimator = default_estimator(X, y, task, seed, n_jobs)
    elif not isinstance(estimator, _MTRL):
        raise TypeError(f"estimator is {type(estimator).__name__}; it must be an MTRL estimator of crosstalk")
    elif task is not None and estimator.task != task:
        raise ValueError(f"task is {task!r}, and the estimator's is {estimator.task!r}; give it to the estimator alone")
    source = Source(estimator, X, y, tasks, test_fraction=test_fraction, seed=seed, repeatable=repeats > 1)
    budgets = [float(budget) for budget in np.ravel(budgets)]
    usual = budgets == [0.05, 0.1, 0.2, 0.3]
    settings = {
        "budgets": budgets,
        "drop_small_budgets": usual,
        "methods": list(methods),
        "targets": source.positions("targets", targets),
        "attackers": source.positions("attackers", attackers),
        "labels": labels,
        "repeats": repeats,
        "defence": defence,
        "fictitious": fictitious,
        "rows_each": rows_each,
        "stealth": list(stealth),
        "schema": schema,
        "radius": radius,
        "seed": seed,
        "threads": threads_of(n_jobs),
        "command": f"crosstalk.audit(X, y, ..., budgets={budgets}, methods={list(methods)}, random_state={seed})",
    }
    return AuditResult(source.core.audit(settings), source)
