"""Audits: what attacks of several kinds and sizes would do."""

import copy
import html
import operator
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from sklearn.base import clone
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


def _victim_rows(source, X, codes):
    """Rows as the user's learner takes them: in columns as they came."""
    import pandas as pd

    ids = source.tasks[codes]
    task = source.task
    if isinstance(source.X, Problem) or not hasattr(source.X, "columns"):
        return X if task is None else np.insert(X.astype(object), task % (X.shape[1] + 1), ids, axis=1)
    frame = pd.DataFrame(X, columns=source.rows.columns)
    if task is not None:
        place = list(source.X.columns).index(task) if isinstance(task, str) else task % source.X.shape[1]
        frame.insert(place, source.X.columns[place], ids)
    return frame


def _victim_losses(source, victim, train, test):
    """A fresh copy of the victim learns; its mean loss on the rows of every task: squared error, or of classes the
    share of errors."""
    model = clone(victim) if hasattr(victim, "get_params") else copy.deepcopy(victim)
    X, y, codes = train
    model.fit(_victim_rows(source, X, codes), source.in_user_words(y))
    X, y, codes = test
    truth = source.in_user_words(y)
    said = np.ravel(model.predict(_victim_rows(source, X, codes)))
    if said.shape != truth.shape:
        raise ValueError(f"victim predicts {len(said)} labels; it must predict one for each of {len(truth)} rows")
    losses = (said != truth) if source.core.is_classification else (said.astype(float) - truth) ** 2
    return np.array([losses[codes == t].mean() for t in range(len(source.tasks))])


def _victim_exposure(source, core, victim, settings):
    """What rows that were placed against MTRL do to another learner."""
    import pandas as pd

    train, test = source.core.train(), source.core.test()
    if not len(test[1]):
        test = train
    clean = _victim_losses(source, victim, train, test)
    parts = []
    for number, scenario in enumerate(core.scenarios()):
        if scenario["fictitious"]:
            continue
        for method in settings["methods"]:
            for budget in settings["budgets"]:
                attack = settings | scenario | {"method": method, "budget": budget}
                if method != "exact" and attack["labels"] == "free":
                    attack["labels"] = "uniform"
                try:
                    rows = source.core.attack(attack)["rows"]
                except ValueError:
                    if settings["drop_small_budgets"]:
                        continue  # it buys no row
                    raise
                poisoned = [np.concatenate(pair) for pair in zip(train, rows)]
                loss = _victim_losses(source, victim, poisoned, test)
                parts.append(
                    pd.DataFrame(
                        {
                            "scenario": number,
                            "kind": scenario["kind"],
                            "method": method,
                            "budget": budget,
                            "task": source.tasks,
                            "target": np.isin(np.arange(len(clean)), scenario["targets"]),
                            "attacker": np.isin(np.arange(len(clean)), scenario["attackers"]),
                            "clean_loss": clean,
                            "loss": loss,
                        }
                    )
                )
    return pd.concat(parts, ignore_index=True)


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
    victim_exposure_, victim_summary_ : DataFrame
        The same of the victim, where there is one: columns as above, without metrics. Its loss is the mean squared
        error, or the share of wrong classes.
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
        self.victim_exposure_ = self.victim_summary_ = None

    def _add_victim(self, exposure):
        self.victim_exposure_ = exposure.assign(rise=exposure["loss"] / exposure["clean_loss"] - 1)
        of_targets = exposure[exposure["target"]].groupby(["kind", "method", "budget"], sort=False)
        sums = of_targets[["clean_loss", "loss"]].sum()
        self.victim_summary_ = (sums["loss"] / sums["clean_loss"] - 1).rename("rise").reset_index()

    @property
    def tables_(self):
        import pandas as pd

        tables = self._core.tables()
        return {name: pd.DataFrame(table["rows"], columns=table["columns"]) for name, table in tables.items()}

    def rise(self, budget, victim=False):
        """The largest rise of the targets' loss, over all kinds, by the most planned method at this budget."""
        if victim and self.victim_summary_ is None:
            raise ValueError("the audit has no victim")
        summary = self.victim_summary_ if victim else self.summary_
        of_method = summary[summary["method"] == self._core.planned_method]
        rows = of_method[np.isclose(of_method["budget"], budget, rtol=0, atol=1e-12)]
        if rows.empty:
            known = ", ".join(f"{one:g}" for one in sorted(of_method["budget"].unique()))
            raise ValueError(f"budget is {budget:g}; it must be one of the audit's: {known}")
        return float(rows["rise"].max())

    def check(self, rule):
        """Whether a rule such as "rise@0.1 <= 0.25", or "victim_rise@0.1 <= 0.25", holds: for tests and CI.

        Examples
        --------
        `assert result.check("rise@0.1 <= 0.25"), result.answer_`
        """
        match = re.fullmatch(r"\s*(victim_)?rise@([0-9.eE+-]+)\s*(<=|<|>=|>)\s*([0-9.eE+-]+)\s*", rule)
        if match is None:
            raise ValueError(f"rule is {rule!r}; it must be such as 'rise@0.1 <= 0.25'")
        compare = {"<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt}[match[3]]
        return bool(compare(self.rise(float(match[2]), victim=match[1] is not None), float(match[4])))

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
    X, y=None, *, task=None, tasks=None, estimator=None, victim=None, budgets=(0.05, 0.1, 0.2, 0.3),
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
    victim : object with fit(X, y) and predict(X), optional
        A learner of your own, such as a pipeline: the same kinds of attack are placed against the estimator, as a
        stand-in, and fresh copies of the victim learn from the poisoned rows. It gets X with the columns that you give,
        the task column among them; `tasks` beside X it does not see.
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
    core = source.core.audit(settings)
    result = AuditResult(core, source)
    if victim is not None:
        result._add_victim(_victim_exposure(source, core, victim, settings))
    return result
