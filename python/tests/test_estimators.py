"""What a user of scikit-learn does with the estimators."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

import crosstalk as ct
from crosstalk import _core

ESTIMATORS = [
    ct.MTRLRegressor(lambda1=1e-3, lambda2=1e-3),
    ct.MTRLClassifier(lambda1=1e-3, lambda2=1e-3),
    ct.MTRLClassifier(loss="logistic", lambda1=1e-3, lambda2=1e-3),
    ct.MTRLRegressorCV(lambdas1=[1e-3, 1e-1], lambdas2=[1e-3], cv=2),
    ct.MTRLClassifierCV(lambdas1=[1e-3, 1e-1], lambdas2=[1e-3], cv=2),
    ct.RobustMTRLRegressor(lambda1=1e-3, lambda2=1e-3),
    ct.RobustMTRLClassifier(lambda1=1e-3, lambda2=1e-3),
]


@parametrize_with_checks(ESTIMATORS)
def test_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


def frame_of(users):
    X, y, tasks = users
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame.insert(1, "user", tasks)
    return frame, y


def test_the_task_may_be_a_column_a_position_or_beside(users):
    X, y, tasks = users
    frame, _ = frame_of(users)
    beside = ct.MTRLRegressor().fit(X, y, tasks=tasks)
    by_name = ct.MTRLRegressor("user").fit(frame, y)
    by_position = ct.MTRLRegressor(1).fit(frame.to_numpy(), y)
    coded = np.insert(X, 3, pd.factorize(tasks)[0], axis=1)
    by_code = ct.MTRLRegressor(-1).fit(coded, y)
    for other in (by_name, by_position, by_code):
        np.testing.assert_array_equal(other.coef_, beside.coef_)
    np.testing.assert_array_equal(by_name.predict(frame), beside.predict(X, tasks=tasks))
    assert list(by_name.tasks_) == ["ann", "bob", "eve"]
    assert list(by_name.feature_names_in_) == ["a", "user", "b", "c"]
    assert list(by_name.coef_names_) == ["a", "b", "c"]


def test_the_order_of_rows_does_not_matter_much(users):
    X, y, tasks = users
    order = np.random.RandomState(3).permutation(60)
    first = ct.MTRLRegressor().fit(X, y, tasks=tasks)
    mixed = ct.MTRLRegressor().fit(X[order], y[order], tasks=tasks[order])
    np.testing.assert_allclose(mixed.predict(X, tasks=tasks), first.predict(X, tasks=tasks), atol=1e-7)


def test_one_task_is_ridge_regression(users):
    # F = 1/N |y - Xw|^2 + (lambda1 + lambda2)/2 |w|^2, the intercept among the weights, here on centred columns of
    # variance 1 / d. Then the intercept is 0, and Ridge has N (lambda1 + lambda2) / 2.
    X, y, _ = users
    X = (X - X.mean(0)) / X.std(0) / np.sqrt(3)
    y = (y - y.mean()) / y.std()
    ours = ct.MTRLRegressor(lambda1=0.05, lambda2=0.15, smoothing=0.0).fit(X, y)
    ridge = Ridge(alpha=60 * 0.1, fit_intercept=False).fit(X, y)
    np.testing.assert_allclose(ours.coef_[0], ridge.coef_, atol=1e-8)
    np.testing.assert_allclose(ours.intercept_[0], 0, atol=1e-8)


def test_tasks_are_related(users):
    X, y, tasks = users
    est = ct.MTRLRegressor(lambda1=1e-4, lambda2=1e-3).fit(X, y, tasks=tasks)
    assert np.isclose(np.trace(est.task_covariance_), 1.0)
    np.testing.assert_allclose(np.diag(est.task_correlation_), 1.0)
    assert est.task_correlation_[0, 1] > est.task_correlation_[0, 2]
    assert est.gap_ <= 1e-10 * est.objective_


def test_model_selection_with_the_task_in_x(users):
    frame, y = frame_of(users)
    est = ct.MTRLRegressor("user")
    folds = KFold(3, shuffle=True, random_state=0)  # rows are sorted by user, and every user must be learned
    assert cross_val_score(est, frame, y, cv=folds).min() > 0.5
    search = GridSearchCV(
        make_pipeline(FunctionTransformer(), est), {"mtrlregressor__lambda1": [10.0, 1e-4]}, cv=folds, error_score="raise"
    )
    assert search.fit(frame, y).best_params_ == {"mtrlregressor__lambda1": 1e-4}
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_copy_is_the_same(users):
    frame, y = frame_of(users)
    for est in (ct.MTRLRegressor("user"), ct.MTRLRegressorCV("user", lambdas1=[1e-3], lambdas2=[1e-3])):
        fitted = clone(est).fit(frame, y)
        again = pickle.loads(pickle.dumps(fitted))
        np.testing.assert_array_equal(again.predict(frame), fitted.predict(frame))
        np.testing.assert_array_equal(again.task_covariance_, fitted.task_covariance_)


def test_defaults_are_those_of_the_library():
    known = _core.defaults()
    est = ct.MTRLRegressor()
    assert (est.lambda1, est.lambda2, est.smoothing) == (known["lambda1"], known["lambda2"], known["smoothing"])
    assert (est.tolerance, est.max_iter) == (known["tolerance"], known["max_steps"])


def test_three_classes_are_each_against_the_rest(users):
    X, y, tasks = users
    classes = np.array(["low", "mid", "top"])[np.digitize(y, [-1.0, 1.0])]
    est = ct.MTRLClassifier(lambda1=1e-3, lambda2=1e-3).fit(X, classes, tasks=tasks)
    assert est.coef_.shape == (3, 3, 3)
    assert est.task_covariance_.shape == (3, 3, 3)
    for k, name in enumerate(est.classes_):
        one = ct.MTRLClassifier(lambda1=1e-3, lambda2=1e-3).fit(X, classes == name, tasks=tasks)
        np.testing.assert_array_equal(one.decision_function(X, tasks), est.decision_function(X, tasks)[:, k])
    assert est.score(X, classes, tasks=tasks) > 0.7


def test_tasks_are_in_the_order_in_which_they_appear():
    from crosstalk._rows import tasks_of

    for ids in ([7, 3, 7, 9, 3], [-5, 10**9, -5], np.array([200, 3], dtype="u1"), ["b", "a", "b"], [1.5, 0.5, 1.5]):
        ids = np.array(ids)
        tasks, codes = tasks_of(ids)
        assert tasks.tolist() == list(dict.fromkeys(ids.tolist()))
        assert (tasks[codes] == ids).all()


def test_an_unknown_task_is_refused_or_has_the_mean(users):
    X, y, tasks = users
    est = ct.MTRLRegressor().fit(X, y, tasks=tasks)
    with pytest.raises(ValueError, match="task of row 1 is 'zoe'; it must be one of the 3 tasks"):
        est.predict(X[:2], tasks=["ann", "zoe"])
    est.set_params(unknown_task="mean")
    mean = np.mean([est.predict(X[:1], tasks=[one]) for one in est.tasks_])
    np.testing.assert_allclose(est.predict(X[:1], tasks=["zoe"]), mean)


def test_an_input_error_names_the_place_the_value_and_the_rule(users):
    X, y, tasks = users
    frame, _ = frame_of(users)

    def refused(message, est, X, y, **more):
        with pytest.raises(ValueError, match=message):
            est.fit(X, y, **more)

    by_user = ct.MTRLRegressor("user")
    missing = frame.copy()
    missing.loc[4, "b"] = np.nan
    refused(r"X\[4, 'b'\] is NaN \(a missing value\); it must be a finite number", by_user, missing, y)
    words = frame.assign(b="red")
    refused(r"X\[0, 'b'\] is 'red'; it must be a number: .*OneHotEncoder", by_user, words, y)
    dates = frame.assign(b=pd.Timestamp("2024-01-01"))
    refused(r"column 'b' of X holds dates", by_user, dates, y)
    nobody = frame.copy()
    nobody.loc[7, "user"] = None
    refused("the task of row 7 is missing; every row must have one", by_user, nobody, y)
    endless = np.where(np.arange(60) == 7, np.inf, np.arange(60) % 3)
    refused("the task of row 7 is inf; it must be finite", ct.MTRLRegressor(), X, y, tasks=endless)
    large = np.array([1e300, 2e300, 5.0])[np.arange(60) % 3]
    assert len(ct.MTRLRegressor().fit(X, y, tasks=large).tasks_) == 3
    refused(r"task is 'usr'; it must be a column of X, which has 'a', 'user', 'b', 'c'", ct.MTRLRegressor("usr"), frame, y)
    refused(r"y\[2\] is inf; it must be a finite number", by_user, frame, np.where(np.arange(60) == 2, np.inf, y))
    refused(r"tasks has 3 entries; it must have one for each of the 60 rows", ct.MTRLRegressor(), X, y, tasks=tasks[:3])
    refused(r"lambda1 is -1; it must be > 0", ct.MTRLRegressor(lambda1=-1), X, y)
    refused(r"lambda1 is 'a'; it must be a number", ct.MTRLRegressor(lambda1="a"), X, y)
    refused(r"unknown scale \"standrd\"; .*did you mean \"standard\"", ct.MTRLRegressor(scale="standrd"), X, y)
    lonely = np.where(np.arange(60) == 59, "zoe", tasks)
    refused(r"1 task has only 1 training row; a task must have at least 2: \"?zoe", ct.MTRLRegressor(), X, y, tasks=lonely)
    refused(r"only one class .*ann", ct.MTRLClassifier(), X, (tasks == "ann") | (y > 0), tasks=tasks)
    refused(r"y holds words; it must hold numbers", ct.MTRLRegressor(), X, tasks)
    with pytest.raises(ValueError, match="tasks is None; it must name the task of each row"):
        ct.MTRLRegressor().fit(X, y, tasks=tasks).predict(X)
    with pytest.raises(TypeError, match="sample_weight"):
        ct.MTRLRegressor().fit(X, y, sample_weight=np.ones(60))


def test_a_fit_that_does_not_converge_warns(users):
    X, y, tasks = users
    with pytest.warns(ConvergenceWarning, match="above its minimum"):
        ct.MTRLRegressor(max_iter=1).fit(X, y, tasks=tasks)


def test_input_is_not_written_to_and_may_be_read_only(users):
    X, y, tasks = users
    X.flags.writeable = y.flags.writeable = False
    before = X.copy()
    ct.MTRLRegressor().fit(X, y, tasks=tasks)
    np.testing.assert_array_equal(X, before)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(0, 12),
    columns=st.integers(0, 5),
    kind=st.sampled_from(["f8", "f4", "i8", "u1", "?", ">f8", "O", "U3"]),
    layout=st.sampled_from(["C", "F", "strided", "reversed", "unaligned"]),
    hole=st.sampled_from([None, np.nan, np.inf]),
    tasks=st.sampled_from([None, "ints", "words", "mixed", "missing"]),
    data=st.data(),
)
def test_any_array_is_learned_or_refused(rows, columns, kind, layout, hole, tasks, data):
    rng = np.random.RandomState(data.draw(st.integers(0, 1000)))
    X = (10 * rng.normal(size=(rows, columns))).astype(kind)
    if hole is not None and X.size and X.dtype.kind in "fO":
        X[rows // 2, columns // 2] = hole
    if layout == "F":
        X = np.asfortranarray(X)
    elif layout == "strided":
        X = np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3]
    elif layout == "reversed":
        X = X[::-1, ::-1][::-1, ::-1].copy()[::-1, ::-1]
    elif layout == "unaligned" and X.dtype.kind == "f":
        raw = np.zeros(X.nbytes + 1, dtype="u1")[1:]
        shifted = raw.view(X.dtype).reshape(X.shape)
        shifted[...] = X
        X = shifted
    y = rng.normal(size=rows)
    ids = {
        None: None,
        "ints": np.arange(rows) % 2,
        "words": np.array(["a", "bb"])[np.arange(rows) % 2],
        "mixed": np.array([1, "a"] * rows, dtype=object)[:rows],
        "missing": np.array([None, "a"] * rows, dtype=object)[:rows],
    }[tasks]
    try:
        est = ct.MTRLRegressor().fit(X, y, tasks=ids)
    except ValueError as error:
        assert str(error)
        return
    plain = np.ascontiguousarray(X, dtype="f8")
    assert np.isfinite(plain).all()
    np.testing.assert_array_equal(est.coef_, ct.MTRLRegressor().fit(plain, y, tasks=ids).coef_)
    assert np.isfinite(est.predict(X, tasks=ids)).all()
