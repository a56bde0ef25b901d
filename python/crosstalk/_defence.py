"""Defences, certificates and screens."""

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from . import _core
from ._estimators import _Classifier, _MTRL, _Regressor, data_settings, grid_settings, learner_settings
from ._rows import codes_in, names_of, read_numbers, read_rows, seed_of, tasks_of, threads_of


def _problem(estimator, rows, y, codes, tasks):
    problem = _core.problem(
        rows.X, y, codes, names_of(tasks), rows.names(), data_settings(estimator) | {"test_fraction": 0.0}
    )
    return problem


def _defend(estimator, rows, y, codes, tasks, relearn):
    """The library's answer, with entries for rows in the order of X."""
    problem = _problem(estimator, rows, y, codes, tasks)
    problem.set_learner(learner_settings(estimator))
    grid = grid_settings(estimator)
    if grid is not None and estimator.lambda1 is None and estimator.lambda2 is None:
        problem.choose_lambdas(grid)
    else:
        grid = None
    settings = {
        "method": estimator.method,
        "alpha": estimator.alpha,
        "share": estimator.share,
        "margin": estimator.margin,
    }
    record = problem.defend(settings, relearn, grid)
    origin = record["rows"].pop("origin")
    for key, values in record["rows"].items():
        if key == "reasons":
            in_order = [None] * len(origin)
            for place, value in zip(origin, values):
                in_order[place] = value
        else:
            in_order = np.empty_like(values)
            in_order[origin] = values
        record["rows"][key] = in_order
    return record


class _DefenceParameters:
    def __init__(
        self, task=None, *, method="trim", alpha=0.05, share=None, margin=0.1, lambda1=None, lambda2=None,
        lambdas1=None, lambdas2=None, cv=5, smoothing=1e-3, tolerance=1e-10, max_iter=500, scale="standard",
        unknown_task="error", random_state=1, n_jobs=None,
    ):
        self.task = task
        self.method = method
        self.alpha = alpha
        self.share = share
        self.margin = margin
        self.lambda1 = lambda1
        self.lambda2 = lambda2
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


_PARAMETERS = """
    Parameters
    ----------
    task, smoothing, tolerance, max_iter, scale, unknown_task
        As in :class:`MTRLRegressor`.
    method : {"trim", "huber", "screen"}, default="trim"
        trim: rows that stand out are left out where the labels of the others say so; huber: nothing is left out, and no
        row pulls with more than a bounded force; screen: a share alpha of each task is left out.
    alpha : float in (0, 0.5), default=0.05
        Share of honest rows that may be flagged.
    share : float in [0, 0.5), optional
        Share of all rows that "trim" leaves out; by default as many as are too many.
    margin : float >= 0, default=0.1
        A task is learned alone where learning it with the others raises its held-out loss by more than this share.
    lambda1, lambda2 : float, optional
        By default they are chosen by cross-validation, as `lambdas1`, `lambdas2`, `cv`, `random_state` and `n_jobs` of
        :class:`MTRLRegressorCV` say."""


class PoisonDetector(OutlierMixin, _DefenceParameters, _MTRL):
    __doc__ = f"""Which rows may be injected, as the command `defend` says it.

    Two values of y are two classes, anything else must be numbers. A detector judges the rows that it is fitted on:
    `fit_predict(X, y)` gives -1 for rows that it leaves out and +1 for others. It has no `predict` for new rows; for
    these there is :func:`screen`.
{_PARAMETERS}

    Attributes
    ----------
    scores_ : ndarray of shape (n,)
        Larger for rows that stand out more.
    p_values_ : ndarray of shape (n,)
        Share of the kept rows with this score or more.
    kept_, flagged_ : ndarray of bool of shape (n,)
        Not left out of learning; p <= alpha.
    reasons_ : list of n lists of (detector, p)
        Why a row was left out.
    labels_ : ndarray of shape (n,)
        -1 for rows that were left out, +1 for others.
    task_screen_ : DataFrame
        One row for each task: flagged_share, left_out, left_out_whole, outlyingness, score, flagged,
        learned_alone.

    Examples
    --------
    >>> import numpy as np, crosstalk as ct
    >>> rng = np.random.RandomState(0)
    >>> X = rng.normal(size=(90, 3)); users = np.repeat(["ann", "bob", "eve"], 30)
    >>> y = X @ [1., 2., 0.] + 0.1 * rng.normal(size=90)
    >>> detector = ct.PoisonDetector(lambda1=1e-3, lambda2=1e-2).fit(X, y, tasks=users)
    >>> bool(detector.kept_.all())
    True
    """

    def _loss(self):
        return self._fitted_loss

    def fit(self, X, y, tasks=None):
        """Judges every row.

        Parameters
        ----------
        X, y, tasks
            As in :class:`MTRLRegressor`.

        Returns
        -------
        self
        """
        rows, codes = self._read(X, tasks)
        two = type_of_target(np.ravel(y)) == "binary"
        self._fitted_loss = "squared-hinge" if two else "squared"
        if two:
            _, labels = np.unique(np.ravel(y), return_inverse=True)
            labels = np.where(np.ravel(labels) == 1, 1.0, -1.0)
        else:
            labels = read_numbers(y, rows.X)
        record = _defend(self, rows, labels, codes, self.tasks_, relearn=False)
        self.scores_ = record["rows"]["score"]
        self.p_values_ = record["rows"]["p"]
        self.kept_ = record["rows"]["kept"]
        self.flagged_ = record["rows"]["flagged"]
        self.reasons_ = record["rows"]["reasons"]
        self.labels_ = np.where(self.kept_, 1, -1)
        self._task_records = record["tasks"]
        return self

    def fit_predict(self, X, y, tasks=None):
        """-1 for rows that are left out, +1 for others."""
        return self.fit(X, y, tasks).labels_

    @property
    def task_screen_(self):
        import pandas as pd

        check_is_fitted(self)
        return pd.DataFrame(self._task_records, index=pd.Index(self.tasks_, name="task"))


class _Robust(_DefenceParameters):
    def _learn(self, rows, y, codes):
        record = _defend(self, rows, y, codes, self.tasks_, relearn=True)
        self.kept_ = record["rows"]["kept"]
        self.flagged_ = record["rows"]["flagged"]
        return record["fit"]


class RobustMTRLRegressor(_Robust, _Regressor):
    __doc__ = f"""Multi-task relationship learning in spite of rows that may be injected, as the command `defend`.
{_PARAMETERS}

    Attributes
    ----------
    kept_, flagged_ : ndarray of bool of shape (n,)
        Rows that were learned from; rows with p <= alpha.
    coef_, intercept_, tasks_, task_covariance_, ...
        As in :class:`MTRLRegressorCV`, of the rows that were kept.
    """


class RobustMTRLClassifier(_Robust, _Classifier):
    __doc__ = f"""As :class:`RobustMTRLRegressor`, for two classes, with the squared hinge loss.
{_PARAMETERS}
    """
    loss = "squared-hinge"

    def _read_classes(self, y, X):
        labels = super()._read_classes(y, X)
        if len(self.classes_) > 2:
            raise ValueError(f"y has {len(self.classes_)} classes. Only binary classification is supported")
        return labels

    def _more_tags(self):
        return {"binary_only": True}

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


def _labels(y, X, loss):
    """Numbers for the library, the loss, and the classes; two values are classes where no loss is given."""
    classes = None
    if loss is None:
        loss = "squared-hinge" if type_of_target(np.ravel(y)) == "binary" else "squared"
    if loss == "squared":
        return read_numbers(y, X), loss, classes
    classes, labels = np.unique(np.ravel(y), return_inverse=True)
    if len(classes) != 2:
        raise ValueError(f"y has {len(classes)} classes; the {loss} loss needs two")
    return np.where(np.ravel(labels) == 1, 1.0, -1.0), loss, classes


def screen(
    X, y, *, against, task=None, tasks=None, estimator=None, alpha=0.05, any_dependence=False, reference="all",
    random_state=1, n_jobs=None,
):
    """Which rows of a new batch to reject, held against trusted rows; nothing is learned from the new ones.

    Parameters
    ----------
    X, y, tasks
        New rows.
    against : tuple
        Trusted rows: (X, y), or (X, y, tasks).
    task : str or int, optional
        The task column of both.
    estimator : MTRL estimator, optional
        The learner of the trusted rows; by default one with cross-validated lambdas.
    alpha : float in (0, 0.5), default=0.05
        The expected share of honest rows among the rejected ones, at most.
    any_dependence : bool
        Whether that holds however the p-values depend on each other; then fewer rows are rejected.
    reference : {"all", "task"}
        Trusted rows that a new one is held against.

    Returns
    -------
    DataFrame
        A row for each new row: task, score, p, flagged, rejected, distance, residual.
    """
    import pandas as pd

    from ._audit import default_estimator
    from .attacks import Source

    trusted_X, trusted_y, *more = against
    trusted_tasks = more[0] if more else None
    seed = seed_of(random_state)
    if estimator is None:
        estimator = default_estimator(trusted_X, trusted_y, task, seed, n_jobs)
    source = Source(estimator, trusted_X, trusted_y, trusted_tasks, seed=seed)
    new = read_rows(X, tasks, task=estimator.task)
    if new.X.shape[1] != source.rows.X.shape[1] or list(new.columns) != list(source.rows.columns):
        raise ValueError("the new rows have other columns than the trusted ones; they must have the same")
    if source.classes is None:
        labels = read_numbers(y, new.X)
    else:
        y = np.ravel(y)
        unknown = [value for value in np.unique(y) if value not in source.classes]
        if unknown:
            raise ValueError(f"y has {unknown[0]!r}; it must have the classes of the trusted rows")
        labels = np.where(y == source.classes[1], 1.0, -1.0)
    codes = codes_in(new.ids, source.tasks)
    codes[codes < 0] = len(source.tasks)
    settings = {"alpha": alpha, "any_dependence": any_dependence, "reference": reference, "seed": seed}
    record = source.core.screen(new.X, labels, codes, settings)
    order = np.argsort(record.pop("origin"))
    record.pop("converged")
    frame = pd.DataFrame({"task": new.ids} | {key: values[order] for key, values in record.items()})
    if new.index is not None:
        frame.index = new.index
    return frame


class Certificate:
    """A voting predictor, and how far k malicious tasks can move each of its predictions; made by :func:`certify`.

    Attributes
    ----------
    proven_ : DataFrame
        For k = 0, 1, ...: the largest mean loss on the measured rows that any k tasks can bring about; for numbers its
        root, rmse; for classes the share of rows whose class they cannot change, accuracy.
    most_malicious_ : int
        The largest k of which something is proven.
    """

    def __init__(self, core, tasks, task, classes):
        self._core = core
        self.tasks_ = tasks
        self.task = task
        self.classes_ = classes
        self.most_malicious_ = core.most_malicious

    def _rows(self, X, tasks):
        rows = read_rows(X, tasks, task=self.task)
        codes = codes_in(rows.ids, self.tasks_)
        unknown = np.flatnonzero(codes < 0)
        if len(unknown):
            raise ValueError(
                f"the task of row {unknown[0]} is {rows.ids[unknown[0]]!r}; a voting predictor predicts its own tasks only"
            )
        return rows, codes

    def intervals(self, X, k=1, tasks=None):
        """A data frame of prediction, low and high: whatever k tasks other than the row's do, the prediction (of
        classes: the score, whose sign decides) stays between low and high."""
        import pandas as pd

        if not 0 <= k <= self.most_malicious_ or k != int(k):
            raise ValueError(f"k is {k}; it must be a whole number from 0 to {self.most_malicious_}")
        rows, codes = self._rows(X, tasks)
        result = np.empty((len(codes), 3))
        for task in np.unique(codes):
            here = codes == task
            votes = self._core.votes(int(task), rows.X[here], [int(k)])
            result[here] = np.column_stack([votes["prediction"], votes["low"][0], votes["high"][0]])
        return pd.DataFrame(result, columns=["prediction", "low", "high"], index=rows.index)

    def __repr__(self):
        return f"Certificate({len(self.tasks_)} tasks, up to {self.most_malicious_} malicious ones)"


def certify(
    X, y, *, task=None, tasks=None, test=None, groups=21, loss=None, lambda1=1e-3, lambda2=1e-2, smoothing=0.3,
    tolerance=1e-10, scale="standard", label_scale=None, random_state=1, n_jobs=None,
):
    """Proves how far k malicious tasks can move each prediction of a voting predictor, whatever rows they hold.

    The bound is for this predictor, not for :class:`MTRLRegressor`, and needs lambdas that are not chosen on the rows.

    Parameters
    ----------
    X, y, task, tasks
        Training rows, as in :class:`MTRLRegressor`.
    test : tuple, optional
        Rows to measure on: (X, y), or (X, y, tasks); the training rows by default.
    groups : odd int >= 3, default=21
        Groups of tasks, each with a vote.
    loss : {"squared", "squared-hinge", "logistic"}, optional
        By default squared-hinge where y has two values, else squared.
    lambda1, lambda2, smoothing : float > 0
        Constants.
    random_state : int, RandomState or None, default=1
        Of the groups.

    Returns
    -------
    Certificate

    Examples
    --------
    >>> import numpy as np, crosstalk as ct
    >>> rng = np.random.RandomState(0)
    >>> X = rng.normal(size=(300, 2)); users = np.arange(300) % 10
    >>> y = X @ [1., 2.] + 0.1 * rng.normal(size=300)
    >>> proven = ct.certify(X, y, tasks=users, groups=5)
    >>> interval = proven.intervals(X[:1], k=1, tasks=users[:1])
    >>> bool(interval.low[0] <= interval.prediction[0] <= interval.high[0])
    True
    """
    import pandas as pd

    rows = read_rows(X, tasks, task=task, least_rows=2)
    known, codes = tasks_of(rows.ids)
    if len(known) < 2:
        raise ValueError(f"there is {len(known)} task; a certificate needs two or more")
    labels, loss, classes = _labels(y, rows.X, loss)
    settings = {
        "groups": groups,
        "loss": loss,
        "lambda1": lambda1,
        "lambda2": lambda2,
        "smoothing": smoothing,
        "tolerance": tolerance,
        "scale": scale,
        "label_scale": label_scale,
        "seed": seed_of(random_state),
        "threads": threads_of(n_jobs),
    }
    core = _core.learn_votes(rows.X, labels, codes, names_of(known), rows.names(), settings)
    result = Certificate(core, known, task, classes)
    if test is not None:
        test_X, test_y, *more = test
        rows, codes = result._rows(test_X, more[0] if more else None)
        labels = (
            read_numbers(test_y, rows.X) if classes is None else np.where(np.ravel(test_y) == classes[1], 1.0, -1.0)
        )
    most = min(core.most_malicious, len(np.unique(codes)) - 1)
    proven = core.certify(rows.X, labels, codes, most)
    table = {"loss": proven["total_losses"]}
    if classes is None:
        table["rmse"] = np.sqrt(proven["total_losses"])
    else:
        table["accuracy"] = proven["total_correct"]
    result.proven_ = pd.DataFrame(table).rename_axis("k")
    return result
