"""Estimators in scikit-learn's manners."""

import warnings

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from . import _core
from ._rows import codes_in, names_of, read_numbers, read_rows, seed_of, tasks_of, threads_of

_CHUNK = 65536  # rows that are predicted at once


def learner_settings(estimator):
    """What the library's solver is told; None leaves its default."""
    return {
        "lambda1": getattr(estimator, "lambda1", None),
        "lambda2": getattr(estimator, "lambda2", None),
        "smoothing": estimator.smoothing,
        "tolerance": estimator.tolerance,
        "max_steps": estimator.max_iter,
    }


def grid_settings(estimator):
    """The grid of an estimator that chooses lambdas; None for one that has them."""
    if not hasattr(estimator, "lambdas1"):
        return None
    as_list = lambda values: None if values is None else [float(value) for value in values]
    return {
        "lambdas1": as_list(estimator.lambdas1),
        "lambdas2": as_list(estimator.lambdas2),
        "folds": estimator.cv,
        "seed": seed_of(estimator.random_state),
        "threads": threads_of(estimator.n_jobs),
    }


def data_settings(estimator):
    """How the library prepares rows."""
    return {
        "loss": estimator._loss(),
        "scale": estimator.scale,
        "label_scale": getattr(estimator, "label_scale", None),
    }


class _MTRL(BaseEstimator):
    """What all of them share: tasks, columns, and predictions of affine functions."""

    def _loss(self):
        return "squared"

    def _read(self, X, tasks):
        if self.unknown_task not in ("error", "mean"):
            raise ValueError(f"unknown_task is {self.unknown_task!r}; it must be 'error' or 'mean'")
        rows = read_rows(X, tasks, task=self.task, estimator=self, reset=True, least_rows=2)
        self.tasks_, codes = tasks_of(rows.ids)
        self._needs_tasks = self.task is None and tasks is not None
        self.coef_names_ = np.array(rows.names(), dtype=object)
        return rows, codes

    def _learn(self, rows, y, codes):
        """One fit of the library."""
        return _core.fit(
            rows.X, y, codes, names_of(self.tasks_), rows.names(), data_settings(self) | learner_settings(self),
            grid_settings(self),
        )

    def _keep(self, records):
        """Attributes of one fit, or of one for each class."""
        one = len(records) == 1
        pick = lambda key: records[0][key] if one else np.array([record[key] for record in records])
        self.coef_ = pick("coef")
        self.intercept_ = pick("intercept")
        self.objective_ = pick("objective")
        self.gap_ = pick("gap")
        self.n_iter_ = max(1, max(record["steps"] for record in records))
        self._covariances = [(record["covariance_diagonal"], record["covariance_factor"]) for record in records]
        if grid_settings(self) is not None:
            self.lambda1_ = pick("lambda1")
            self.lambda2_ = pick("lambda2")
            trials = [
                {key: np.array([trial[key] for trial in record["trials"]]) for key in ("lambda1", "lambda2", "loss")}
                for record in records
            ]
            self.cv_results_ = trials[0] if one else trials
        for record in records:
            if not record["converged"]:
                warnings.warn(
                    f"the fit is {record['status']} after {record['steps']} steps; the objective is at most"
                    f" {record['gap']:.3g} above its minimum",
                    ConvergenceWarning,
                    stacklevel=3,
                )

    def _per_fit(self, function):
        check_is_fitted(self)
        all_of_them = [function(diagonal, factor) for diagonal, factor in self._covariances]
        return all_of_them[0] if len(all_of_them) == 1 else np.array(all_of_them)

    @property
    def task_covariance_(self):
        """Omega, m x m, of trace 1; for three and more classes one for each class."""
        return self._per_fit(_core.covariance)

    @property
    def task_correlation_(self):
        """Omega_ij / sqrt(Omega_ii Omega_jj), m x m; for three and more classes one for each class."""
        return self._per_fit(_core.correlation)

    def _scores(self, X, tasks):
        """coef_ x + intercept_ of the row's task: n, or classes x n."""
        check_is_fitted(self)
        if self._needs_tasks and tasks is None:
            raise ValueError("tasks is None; it must name the task of each row, as in fit")
        rows = read_rows(X, tasks, task=self.task, estimator=self, reset=False)
        if self.task is None and tasks is None:
            codes = np.zeros(len(rows.X), dtype=np.int64)
        else:
            codes = codes_in(rows.ids, self.tasks_)
        coef, intercept = self.coef_, self.intercept_
        unknown = np.flatnonzero(codes < 0)
        if len(unknown):
            if self.unknown_task == "error":
                raise ValueError(
                    f"the task of row {unknown[0]} is {rows.ids[unknown[0]]!r}; it must be one of the"
                    f" {len(self.tasks_)} tasks of fit, or unknown_task must be 'mean'"
                )
            coef = np.concatenate([coef, coef.mean(axis=-2, keepdims=True)], axis=-2)
            intercept = np.concatenate([intercept, intercept.mean(axis=-1, keepdims=True)], axis=-1)
        scores = np.empty(intercept.shape[:-1] + codes.shape)
        for first in range(0, len(codes), _CHUNK):
            part = slice(first, first + _CHUNK)
            scores[..., part] = np.einsum("...nd,nd->...n", coef[..., codes[part], :], rows.X[part])
            scores[..., part] += intercept[..., codes[part]]
        return scores


class _Regressor(RegressorMixin, _MTRL):
    def fit(self, X, y, tasks=None):
        """Learns all tasks together.

        Parameters
        ----------
        X : array-like or data frame of shape (n, d), or (n, d + 1) with a task column
            Finite numbers; the task column may hold anything.
        y : array-like of shape (n,)
            Finite numbers.
        tasks : array-like of shape (n,), optional
            The task of each row, where X has no column for it.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Naming the row and column, or the parameter, with its value and the rule.
        """
        rows, codes = self._read(X, tasks)
        self._keep([self._learn(rows, read_numbers(y, rows.X), codes)])
        return self

    def predict(self, X, tasks=None):
        """Predictions, in units of y, of shape (n,)."""
        return self._scores(X, tasks)

    def score(self, X, y, sample_weight=None, *, tasks=None):
        """The coefficient of determination R^2 over all rows."""
        return r2_score(y, self.predict(X, tasks), sample_weight=sample_weight)


class _Classifier(ClassifierMixin, _MTRL):
    def _loss(self):
        if self.loss not in ("squared-hinge", "logistic"):
            raise ValueError(f"loss is {self.loss!r}; it must be 'squared-hinge' or 'logistic'")
        return self.loss

    def _read_classes(self, y, X):
        y = column_or_1d(y, warn=True)
        check_consistent_length(X, y)
        for i, value in enumerate(y if y.dtype.kind in "fO" else ()):
            if value is None or value != value:
                raise ValueError(f"y[{i}] is NaN; it must be a class")
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y has one class, {self.classes_[0]!r}; there must be two or more classes")
        return np.ravel(labels)

    def fit(self, X, y, tasks=None):
        """Learns all tasks together: two classes at once, of more each against the rest.

        Parameters
        ----------
        X : array-like or data frame of shape (n, d), or (n, d + 1) with a task column
            Finite numbers; the task column may hold anything.
        y : array-like of shape (n,)
            Classes of any kind. Every task must have rows of every class.
        tasks : array-like of shape (n,), optional
            The task of each row, where X has no column for it.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Naming the row and column, the task, or the parameter, with its value and the rule.
        """
        rows, codes = self._read(X, tasks)
        labels = self._read_classes(y, rows.X)
        positives = [1] if len(self.classes_) == 2 else range(len(self.classes_))
        records = []
        for k in positives:
            try:
                records.append(self._learn(rows, np.where(labels == k, 1.0, -1.0), codes))
            except ValueError as error:
                if len(positives) == 1:
                    raise
                raise ValueError(f"class {self.classes_[k]!r} against the rest: {error}") from None
        self._keep(records)
        return self

    def decision_function(self, X, tasks=None):
        """Scores: of two classes those of `classes_[1]`, (n,), else (n, classes)."""
        return self._scores(X, tasks).T

    def predict(self, X, tasks=None):
        """Classes, of shape (n,)."""
        scores = self.decision_function(X, tasks)
        return self.classes_[(scores >= 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)]

    @available_if(lambda self: self.loss == "logistic")
    def predict_proba(self, X, tasks=None):
        """Probabilities of the classes, (n, classes), with the logistic loss; of three and more classes those of each
        against the rest, divided by their sum."""
        positive = expit(self.decision_function(X, tasks))
        if positive.ndim == 1:
            return np.column_stack([1 - positive, positive])
        return positive / positive.sum(axis=1, keepdims=True)

    def score(self, X, y, sample_weight=None, *, tasks=None):
        """The share of rows whose class is right."""
        return accuracy_score(y, self.predict(X, tasks), sample_weight=sample_weight)



class MTRLRegressor(_Regressor):
    """Multi-task relationship learning with the squared loss.

    Learns a linear model for each task, and the covariance Omega of the tasks, as the minimiser of

        sum_i 1/N_i sum_j (w_i'x_ij - y_ij)^2 + lambda1/2 |W|^2 + lambda2/2 tr(W Omega^-1 W'),   tr Omega = 1

    [1]_ [2]_. Rows are standardised before (`scale`, `label_scale`), and a constant is appended to each. `coef_` and
    `intercept_` are in the units of the data.

    Parameters
    ----------
    task : str, int or None, default=None
        The column of X that holds the task of each row: its name, or its position. None: all rows are of one task,
        unless `fit` gets `tasks`.
    lambda1 : float > 0, default=0.1
        Pull of all weights towards zero.
    lambda2 : float >= 0, default=0.1
        Pull of related tasks towards each other.
    smoothing : float >= 0, default=1e-3
        Weights far below it no longer count as a relation.
    tolerance : float > 0, default=1e-10
        The fit ends when its objective is proven to be at most this share above the minimum.
    max_iter : int >= 1, default=500
        Newton steps.
    scale : {"standard", "unit-ball", "none"}, default="standard"
        What is done to features: mean 0 and variance 1; a division by the largest norm; nothing.
    label_scale : {"all", "task", "none"}, default="all"
        Which labels are brought to mean 0 and variance 1 together.
    unknown_task : {"error", "mean"}, default="error"
        What `predict` does with a task that `fit` has not seen: refuses it, or takes the mean of all tasks' models.

    Attributes
    ----------
    tasks_ : ndarray of shape (m,)
        The tasks in the order in which they first appear.
    coef_ : ndarray of shape (m, d)
        Weights of every task, without the task column.
    intercept_ : ndarray of shape (m,)
    coef_names_ : ndarray of shape (d,)
        Names of the columns of `coef_`; empty where X has none.
    task_covariance_, task_correlation_ : ndarray of shape (m, m)
    objective_ : float
        In the units of the prepared rows.
    gap_ : float
        `objective_` is proven to be at most this much above its minimum.
    n_iter_ : int
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn: the columns of X, the task column among them.

    References
    ----------
    .. [1] Y. Zhang and D.-Y. Yeung. A convex formulation for learning task relationships in multi-task learning.
       UAI 2010.
    .. [2] M. Zhao et al. Data poisoning attacks on multi-task relationship learning. AAAI 2018.

    Examples
    --------
    >>> import numpy as np, crosstalk as ct
    >>> rng = np.random.RandomState(0)
    >>> X = rng.normal(size=(60, 3)); users = np.repeat(["ann", "bob", "eve"], 20)
    >>> y = X @ [1., 2., 0.] + (users == "eve") * X[:, 2]
    >>> est = ct.MTRLRegressor(lambda1=1e-4, lambda2=1e-3).fit(X, y, tasks=users)
    >>> est.coef_.round(1)
    array([[1., 2., 0.],
           [1., 2., 0.],
           [1., 2., 1.]])
    >>> est.predict([[1., 0., 0.]], tasks=["ann"]).round(1)
    array([1.])
    """

    def __init__(
        self, task=None, *, lambda1=0.1, lambda2=0.1, smoothing=1e-3, tolerance=1e-10, max_iter=500, scale="standard",
        label_scale="all", unknown_task="error",
    ):
        self.task = task
        self.lambda1 = lambda1
        self.lambda2 = lambda2
        self.smoothing = smoothing
        self.tolerance = tolerance
        self.max_iter = max_iter
        self.scale = scale
        self.label_scale = label_scale
        self.unknown_task = unknown_task


class MTRLClassifier(_Classifier):
    """Multi-task relationship learning for classes.

    As :class:`MTRLRegressor`, with the squared hinge loss max(0, 1 - y w'x)^2 or the logistic loss. Three and more
    classes are learned each against the rest: `coef_`, `intercept_`, `objective_`, `gap_`, `task_covariance_` and
    `task_correlation_` then have a first axis of classes.

    Parameters
    ----------
    task, lambda1, lambda2, smoothing, tolerance, max_iter, scale, unknown_task
        As in :class:`MTRLRegressor`.
    loss : {"squared-hinge", "logistic"}, default="squared-hinge"

    Attributes
    ----------
    classes_ : ndarray
        The classes, sorted; of two, the second is the positive one.

    Examples
    --------
    >>> import numpy as np, crosstalk as ct
    >>> rng = np.random.RandomState(0)
    >>> X = rng.normal(size=(60, 2)); users = np.repeat(["ann", "bob"], 30)
    >>> y = np.where(X[:, 0] > 0, "spam", "ham")
    >>> est = ct.MTRLClassifier(lambda1=1e-3, lambda2=1e-3).fit(X, y, tasks=users)
    >>> est.predict([[2., 0.], [-2., 0.]], tasks=["ann", "bob"])
    array(['spam', 'ham'], dtype='<U4')
    """

    def __init__(
        self, task=None, *, loss="squared-hinge", lambda1=0.1, lambda2=0.1, smoothing=1e-3, tolerance=1e-10,
        max_iter=500, scale="standard", unknown_task="error",
    ):
        self.task = task
        self.loss = loss
        self.lambda1 = lambda1
        self.lambda2 = lambda2
        self.smoothing = smoothing
        self.tolerance = tolerance
        self.max_iter = max_iter
        self.scale = scale
        self.unknown_task = unknown_task


class MTRLRegressorCV(_Regressor):
    """:class:`MTRLRegressor` with lambdas chosen by cross-validation inside every task.

    Parameters
    ----------
    task, smoothing, tolerance, max_iter, scale, label_scale, unknown_task
        As in :class:`MTRLRegressor`.
    lambdas1, lambdas2 : sequence of float, optional
        Every pair is tried; 1e-5, 1e-4, ..., 1 by default.
    cv : int, default=5
        Folds, 2 to 100, dealt out inside every task.
    random_state : int, RandomState or None, default=1
        Of the folds. A whole number is the command's `--seed`.
    n_jobs : int or None, default=None
        Threads; -1 for all cores. Results do not depend on it.

    Attributes
    ----------
    lambda1_, lambda2_ : float
        As chosen.
    cv_results_ : dict
        Arrays `lambda1`, `lambda2` and `loss`, the mean held-out loss, in the order of the grid.

    Examples
    --------
    >>> import numpy as np, crosstalk as ct
    >>> rng = np.random.RandomState(0)
    >>> X = rng.normal(size=(60, 3)); users = np.repeat([7, 8, 9], 20)
    >>> y = X @ [1., 2., 0.] + 0.1 * rng.normal(size=60)
    >>> ct.MTRLRegressorCV().fit(X, y, tasks=users).coef_.shape
    (3, 3)
    """

    def __init__(
        self, task=None, *, lambdas1=None, lambdas2=None, cv=5, smoothing=1e-3, tolerance=1e-10, max_iter=500,
        scale="standard", label_scale="all", unknown_task="error", random_state=1, n_jobs=None,
    ):
        self.task = task
        self.lambdas1 = lambdas1
        self.lambdas2 = lambdas2
        self.cv = cv
        self.smoothing = smoothing
        self.tolerance = tolerance
        self.max_iter = max_iter
        self.scale = scale
        self.label_scale = label_scale
        self.unknown_task = unknown_task
        self.random_state = random_state
        self.n_jobs = n_jobs


class MTRLClassifierCV(_Classifier):
    """:class:`MTRLClassifier` with lambdas chosen by cross-validation inside every task.

    Parameters and attributes are those of :class:`MTRLClassifier` and :class:`MTRLRegressorCV`. Of three and more
    classes, each has lambdas of its own.

    Examples
    --------
    >>> import numpy as np, crosstalk as ct
    >>> rng = np.random.RandomState(0)
    >>> X = rng.normal(size=(40, 2)); y = X[:, 0] > 0
    >>> ct.MTRLClassifierCV(lambdas1=[1e-3, 1e-1], lambdas2=[1e-2], cv=3).fit(X, y).predict([[3., 0.]])
    array([ True])
    """

    def __init__(
        self, task=None, *, loss="squared-hinge", lambdas1=None, lambdas2=None, cv=5, smoothing=1e-3, tolerance=1e-10,
        max_iter=500, scale="standard", unknown_task="error", random_state=1, n_jobs=None,
    ):
        self.task = task
        self.loss = loss
        self.lambdas1 = lambdas1
        self.lambdas2 = lambdas2
        self.cv = cv
        self.smoothing = smoothing
        self.tolerance = tolerance
        self.max_iter = max_iter
        self.scale = scale
        self.unknown_task = unknown_task
        self.random_state = random_state
        self.n_jobs = n_jobs
