"""Data sets that the library reads."""

import os

import numpy as np

from . import _core
from ._estimators import MTRLClassifier, MTRLClassifierCV, MTRLRegressor, MTRLRegressorCV
from ._rows import seed_of


class Problem:
    """Rows as the library read, split and prepared them; made by :func:`load_problem`.

    Attributes
    ----------
    X, y, tasks : ndarray
        Training rows in the units of the file, one task behind the other: (n, d), (n,) and (n,). Labels of two classes
        are -1 and +1.
    X_test, y_test, tasks_test : ndarray
        Held-out rows; of no length when none are held out.
    feature_names, task_names : list of str
    classes : list of two str, or None
        What -1 and +1 are in the file.
    loss, scale, label_scale : str
    notes : list of str
        What was done on reading, one sentence each.
    """

    def __init__(self, core):
        self._core = core
        self.name = core.name
        self.task_names = core.task_names
        self.feature_names = core.feature_names
        self.classes = core.classes
        self.loss = core.loss
        self.scale = core.scale
        self.label_scale = core.label_scale
        self.notes = core.notes
        names = np.array(self.task_names, dtype=object)
        self.X, self.y, codes = core.train()
        self.tasks = names[codes]
        self.X_test, self.y_test, codes = core.test()
        self.tasks_test = names[codes]

    def __repr__(self):
        return (
            f"Problem({self.name!r}: {len(self.task_names)} tasks, {len(self.X)} training rows, {len(self.X_test)} held"
            f" out, {self.X.shape[1]} features, {self.loss} loss)"
        )

    def estimator(self, cv=False, **parameters):
        """An estimator that prepares rows as this problem does: fit(p.X, p.y, tasks=p.tasks) learns the same as the
        command.

        Parameters
        ----------
        cv : bool
            Whether it chooses lambdas by cross-validation.
        **parameters
            Of the estimator.
        """
        if self._core.pca > 0:
            raise ValueError(f"{self.name}: the rows are reduced to {self._core.pca} principal components; load it with pca=0")
        common = {"scale": self.scale} | parameters
        if self._core.is_classification:
            return (MTRLClassifierCV if cv else MTRLClassifier)(**{"loss": self.loss} | common)
        return (MTRLRegressorCV if cv else MTRLRegressor)(**{"label_scale": self.label_scale} | common)


def load_problem(
    data, *, task=None, label=None, ignore=(), loss=None, positive=None, separator=None, decimal=None, header=True,
    skip_lines=0, missing="refuse", missing_words=(), min_rows=None, test=None, split_by=None, test_fraction=None,
    scale=None, pca=None, label_scale=None, random_state=1,
):
    """Reads a file, or a known set, as the command `crosstalk` does.

    Parameters
    ----------
    data : str or path
        A name of `crosstalk data list`, or a file: CSV, NPZ, MAT, svmlight, IDX.
    task : str, optional
        CSV: the column of tasks.
    label : str or list of str, optional
        CSV: the column of labels, "label" by default; several are tasks over the same rows.
    ignore : sequence of str
        CSV: columns to leave out.
    loss : {"squared", "squared-hinge", "logistic"}, optional
    positive : str, optional
        Which of two classes is +1.
    separator, decimal : str, optional
        One character each.
    missing : {"refuse", "drop", "mean", "median", "indicator"}
    test_fraction : float in [0, 1), optional
        Share of each task's rows to hold out; 0.3 for files.
    test, split_by : str, optional
        A file of rows to test on; a column by which rows are held out.
    min_rows : int, optional
        Leave out tasks of fewer rows.
    scale, label_scale, pca
        As the command's `--scale`, `--standardise-labels` and `--pca`.
    random_state : int, RandomState or None, default=1

    Returns
    -------
    Problem

    Raises
    ------
    ValueError
        Naming file, line, column, value and rule.
    """
    settings = {
        "task": task,
        "label": None if label is None else [label] if isinstance(label, str) else list(label),
        "ignore": list(ignore),
        "loss": loss,
        "positive": positive,
        "separator": separator,
        "decimal": decimal,
        "header": header,
        "skip_lines": skip_lines,
        "missing": missing,
        "missing_words": list(missing_words),
        "min_rows": min_rows,
        "test": None if test is None else os.fspath(test),
        "split_by": split_by,
        "test_fraction": test_fraction,
        "scale": scale,
        "pca": pca,
        "label_scale": label_scale,
        "seed": seed_of(random_state),
    }
    return Problem(_core.load_problem(os.fspath(data), settings))
