"""Attacks, audits and certificates as a user asks for them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import crosstalk as ct


@pytest.fixture
def frame(users):
    X, y, tasks = users
    return pd.DataFrame(X, columns=["a", "b", "c"]).assign(user=tasks), pd.Series(y, name="stars")


EST = ct.MTRLRegressor("user", lambda1=1e-3, lambda2=1e-2)


def test_injected_rows_stay_in_the_range_of_the_data_and_harm(frame):
    X, y = frame
    found = ct.attacks.Exact(0.2, starts=1).run(EST, X, y, targets=["ann"])
    assert found.X_.shape == (4, 3) and set(found.tasks_) == {"ann"}
    assert (found.X_ >= X[["a", "b", "c"]].min().to_numpy() - 1e-9).all()
    assert (found.X_ <= X[["a", "b", "c"]].max().to_numpy() + 1e-9).all()
    before, after = fit_of(found, False), fit_of(found, True)
    of_ann = X["user"] == "ann"
    error = [np.mean((est.predict(X[of_ann]) - y[of_ann]) ** 2) for est in (before, after)]
    assert error[1] > 2 * error[0]
    row = found.exposure_.set_index("task").loc["ann"]
    assert row["target"] and row["refit_loss"] > row["clean_loss"]


def fit_of(found, poisoned):
    rows = found.poisoned()
    rows = rows if poisoned else rows[rows["injected"] == 0]
    return ct.MTRLRegressor("user", lambda1=1e-3, lambda2=1e-2).fit(rows[["a", "b", "c", "user"]], rows["stars"])


def test_classes_keep_their_words(frame):
    X, y = frame
    words = np.where(y > 0, "spam", "ham")
    est = ct.MTRLClassifier("user", lambda1=1e-3, lambda2=1e-2)
    found = ct.attacks.Patom(0.2).run(est, X, words)
    assert set(found.y_) <= {"spam", "ham"}
    assert set(found.poisoned()["label"]) == {"spam", "ham"}
    with pytest.raises(ValueError, match="y has 3 classes; an attack needs two"):
        ct.attacks.Patom().run(est, X, np.arange(60) % 3)


def test_a_wrong_name_or_number_is_refused(frame):
    X, y = frame
    with pytest.raises(ValueError, match="targets has 'zoe'; it must name tasks of the data: 'ann', 'bob', 'eve'"):
        ct.attacks.Exact().run(EST, X, y, targets="zoe")
    with pytest.raises(ValueError, match="budget is -1; it must be"):
        ct.attacks.Exact(-1).run(EST, X, y)
    with pytest.raises(ValueError, match='labels is "free"; patom keeps the labels it draws'):
        ct.attacks.Patom(labels="free").run(EST, X, y)
    with pytest.raises(ValueError, match='schema is "x"; it must be "auto", "none" or None'):
        ct.attacks.Patom(schema="x").run(EST, X, y)
    with pytest.raises(TypeError, match="estimator is Ridge"):
        ct.attacks.Patom().run(Ridge(), X, y)


def test_the_exact_gradient_is_the_one_of_refits(frame):
    X, y = frame
    table = ct.check_gradient(EST, X, y, targets=["ann"], entries=20)
    assert table.loc["exact", "relative_error"] < 1e-6 < table.loc["patom", "relative_error"]


def test_an_audit_of_a_users_own_pipeline(frame):
    X, y = frame
    columns = make_column_transformer((OneHotEncoder(), ["user"]), remainder="passthrough")
    result = ct.audit(
        X, y, estimator=EST, victim=make_pipeline(columns, Ridge(alpha=1e-3)), budgets=(0.2, 0.4), repeats=1,
        methods=("random", "exact"),
    )
    assert set(result.exposure_["kind"]) == {"direct", "indirect", "hybrid"}
    victim = result.victim_exposure_
    assert len(victim) == len(result.exposure_) and (victim["loss"] >= 0).all()
    assert result.rise(0.4, victim=True) > 0.5  # rows that harm MTRL harm ridge regression
    assert result.check("victim_rise@0.4 > 0.5")
    for wrong in ("rise@0.3 <= 1", "rise <= 1", "rises@0.1 < 1"):
        with pytest.raises(ValueError):
            result.check(wrong)
    assert "<table" in result._repr_html_()


def test_an_audit_of_arrays_and_classes(users):
    X, y, tasks = users
    coded = np.column_stack([X, np.repeat([10, 20, 30], 20)])
    est = ct.MTRLClassifier(3, lambda1=1e-3, lambda2=1e-2)
    result = ct.audit(
        coded, y > 0, estimator=est, victim=LogisticRegression(), budgets=[0.3], repeats=1, methods=["patom"],
        labels="uniform",
    )
    assert set(result.exposure_["task"]) == {10, 20, 30}
    assert result.metric_ == "auc"
    with pytest.raises(ValueError, match="the audit has no victim"):
        ct.audit(coded, y > 0, estimator=est, budgets=[0.3], repeats=1, methods=["random"]).rise(0.3, victim=True)


def test_a_report_loads_nothing(frame, tmp_path):
    X, y = frame
    result = ct.audit(X, y, estimator=EST, budgets=[0.2], repeats=1, methods=["random"])
    result.to_html(tmp_path / "r.html")
    text = (tmp_path / "r.html").read_text()
    assert text == result.to_html() and text.startswith("<!") and "http://" not in text.replace("http://www.w3.org", "")
    assert set(result.tables_["scenarios"].columns) and len(result.tables_["exposure"])


def test_the_detector_finds_gross_rows_and_the_robust_learner_learns_without_them():
    rng = np.random.RandomState(2)
    X = rng.normal(size=(400, 5))
    tasks = np.repeat(["a", "b", "c", "d"], 100)
    W = {name: np.array([1.0, 2, 0, 1, -1]) + 0.2 * rng.normal(size=5) for name in "abcd"}
    y = np.array([x @ W[t] for x, t in zip(X, tasks)]) + 0.1 * rng.normal(size=400)
    bad = np.zeros(400, dtype=bool)
    bad[:20] = True
    X[bad] = 6.0 + 0.1 * rng.normal(size=(20, 5))
    y[bad] = -30.0
    detector = ct.PoisonDetector(lambda1=1e-4, lambda2=1e-3)
    labels = detector.fit_predict(X, y, tasks=tasks)
    assert (labels[bad] == -1).all() and (labels[~bad] == 1).mean() > 0.95
    assert all(detector.reasons_[row] for row in np.flatnonzero(~detector.kept_))
    assert detector.task_screen_.loc["a", "left_out"] > 0.1
    robust = ct.RobustMTRLRegressor(lambda1=1e-4, lambda2=1e-3).fit(X, y, tasks=tasks)
    plain = ct.MTRLRegressor(lambda1=1e-4, lambda2=1e-3).fit(X, y, tasks=tasks)
    wrong = [np.linalg.norm(est.coef_[0] - W["a"]) for est in (robust, plain)]
    assert wrong[0] < 0.1 * wrong[1]


def test_a_certificate_holds_against_a_task_that_lies():
    rng = np.random.RandomState(3)
    X = rng.normal(size=(400, 2))
    tasks = np.arange(400) % 20
    y = X @ [1.0, 2.0] + 0.1 * rng.normal(size=400)
    clean = ct.certify(X, y, tasks=tasks, groups=7)
    honest = tasks != 4
    bound = clean.intervals(X[honest], k=1, tasks=tasks[honest])
    lied = ct.certify(X, np.where(tasks == 4, 1000.0, y), tasks=tasks, groups=7)
    said = lied.intervals(X[honest], k=1, tasks=tasks[honest])["prediction"]
    assert (said >= bound["low"] - 1e-12).all() and (said <= bound["high"] + 1e-12).all()
    assert clean.proven_["rmse"].is_monotonic_increasing
    with pytest.raises(ValueError, match="k is 9; it must be a whole number from 0 to"):
        clean.intervals(X, k=9, tasks=tasks)


def test_new_rows_must_look_like_trusted_ones(frame):
    X, y = frame
    with pytest.raises(ValueError, match="other columns than the trusted ones"):
        ct.screen(X.drop(columns="a"), y, against=(X, y), estimator=EST)
    same = ct.screen(X, y, against=(X, y), estimator=EST)
    assert list(same.index) == list(X.index) and same["p"].between(0, 1).all()


def test_an_outside_victim_is_never_changed(frame):
    X, y = frame
    forest = RandomForestRegressor(n_estimators=5, random_state=0)
    table = X[["a", "b", "c"]]
    ct.audit(
        table, y, tasks=X["user"], estimator=ct.MTRLRegressor(), victim=forest, budgets=[0.2], repeats=1,
        methods=["random"],
    )
    assert not hasattr(forest, "estimators_")
