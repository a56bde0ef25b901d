"""The package and the command learn, attack and judge the same."""

import csv
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import crosstalk as ct

BUILD = Path(__file__).resolve().parents[2] / "build"
COMMANDS = [os.environ.get("CROSSTALK_COMMAND"), BUILD / "debug/crosstalk", BUILD / "release/crosstalk"]
COMMAND = next((str(path) for path in COMMANDS if path and Path(path).exists()), None)
pytestmark = pytest.mark.skipif(COMMAND is None, reason="the command is not built; CROSSTALK_COMMAND may name it")


@pytest.fixture(scope="module")
def shops(tmp_path_factory):
    """A frame, its labels, and the file that holds both."""
    rng = np.random.RandomState(5)
    frame = pd.DataFrame(rng.normal(size=(120, 4)).round(4), columns=list("abcd"))
    frame.insert(0, "shop", np.array(["north", "south", "east", "west"])[rng.randint(0, 4, 120)])
    weights = {"north": [1, 2, 0, 0], "south": [1, 2, 0, 1], "east": [-1, 0, 2, 0], "west": [-1, 0, 2, 1]}
    sales = np.array([row[1:].astype(float) @ weights[row[0]] for row in frame.to_numpy()])
    sales = pd.Series((3 + sales + 0.2 * rng.normal(size=120)).round(4), name="sales")
    path = tmp_path_factory.mktemp("shops") / "shops.csv"
    pd.concat([frame, sales], axis=1).to_csv(path, index=False)
    return frame, sales, path


def run(command, path, folder, *flags, label="sales"):
    words = [COMMAND, command, str(path), "--task", "shop", "--label", label, "--out", str(folder), "--quiet", *flags]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "run.json").read_text())


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_fit(shops, tmp_path):
    frame, sales, path = shops
    record = run("fit", path, tmp_path, "--test-fraction", "0", "--lambda1", "1e-3", "--lambda2", "1e-2")
    est = ct.MTRLRegressor("shop", lambda1=1e-3, lambda2=1e-2).fit(frame, sales)
    assert est.objective_ == record["fit"]["objective"]
    assert est.gap_ == record["fit"]["gap"]
    with open(tmp_path / "covariance.csv") as file:
        header, *rows = csv.reader(file)
    assert header[1:] == list(est.tasks_)
    np.testing.assert_array_equal(est.task_covariance_, [[float(value) for value in row[1:]] for row in rows])
    model = tmp_path / "model.json"
    words = [COMMAND, "predict", str(model), str(path), "--out", str(tmp_path / "predict"), "--quiet"]
    subprocess.run(words, check=True, capture_output=True)
    scores = [float(row["score"]) for row in rows_of(tmp_path / "predict/predictions.csv")]
    np.testing.assert_allclose(est.predict(frame), scores, rtol=1e-12, atol=1e-12)


def test_cross_validated_fit_of_classes_with_held_out_rows(shops, tmp_path):
    frame, sales, _ = shops
    path = tmp_path / "good.csv"
    frame.assign(good=np.where(sales > 3, "yes", "no")).to_csv(path, index=False)
    record = run("fit", path, tmp_path, "--seed", "7", label="good")
    problem = ct.load_problem(path, task="shop", label="good", random_state=7)
    assert problem.classes == ["no", "yes"]
    est = problem.estimator(cv=True, random_state=7).fit(problem.X, problem.y, tasks=problem.tasks)
    assert (est.lambda1_, est.lambda2_) == (record["learner"]["lambda1"], record["learner"]["lambda2"])
    assert est.objective_ == record["fit"]["objective"]
    accuracy = record["test"]["mean"]["accuracy"] if "mean" in record["test"] else None
    if accuracy is not None:
        per_task = [
            est.score(problem.X_test[here], problem.y_test[here], tasks=problem.tasks_test[here])
            for here in (problem.tasks_test == name for name in problem.task_names)
        ]
        assert np.isclose(np.mean(per_task), accuracy)


@pytest.mark.parametrize(
    ("attack", "flags"),
    [
        (ct.attacks.RandomRows(0.2, random_state=3), ["--method", "random"]),
        (ct.attacks.Patom(0.2, random_state=3), ["--method", "patom"]),
        (ct.attacks.Exact(0.2, starts=2, random_state=3), ["--method", "exact", "--labels", "free", "--starts", "2"]),
    ],
)
def test_attack(shops, tmp_path, attack, flags):
    frame, sales, path = shops
    learner = ["--lambda1", "1e-3", "--lambda2", "1e-2", "--test-fraction", "0", "--seed", "3", "--budget", "0.2"]
    sides = ["--targets", "north,south", "--attackers", "south,west"]
    record = run("attack", path, tmp_path, *learner, *flags, *sides)
    est = ct.MTRLRegressor("shop", lambda1=1e-3, lambda2=1e-2)
    found = attack.run(est, frame, sales, targets=["north", "south"], attackers=["south", "west"])
    assert found.utility_[-1] == record["attack"]["utility"]
    assert found.kind_ == record["attack"]["kind"] == "hybrid"
    injected = [row for row in rows_of(tmp_path / "poisoned.csv") if row["injected"] == "1"]
    assert [row["shop"] for row in injected] == list(found.tasks_)
    np.testing.assert_array_equal(found.X_, [[float(row[name]) for name in "abcd"] for row in injected])
    np.testing.assert_array_equal(found.y_, [float(row["sales"]) for row in injected])
    poisoned = found.poisoned()
    assert poisoned["injected"].sum() == len(injected)
    assert list(poisoned.columns) == ["shop", "sales", "a", "b", "c", "d", "injected"]


def test_audit(shops, tmp_path):
    frame, sales, path = shops
    flags = ["--budgets", "0.1,0.2", "--repeats", "2", "--method", "random,patom"]
    record = run("audit", path, tmp_path, *flags)
    result = ct.audit(frame, sales, task="shop", budgets=(0.1, 0.2), repeats=2, methods=("random", "patom"))
    assert result.clean_objective_ == record["fit"]["objective"]
    exposures = record["summary"]["exposures"]
    assert len(exposures) == len(result.summary_)
    np.testing.assert_array_equal(result.summary_["rise"], [one["loss_rise"] for one in exposures])
    assert result.answer_ in (tmp_path / "report.html").read_text()
    worst = result.rise(0.2)
    assert result.check(f"rise@0.2 <= {worst}") and not result.check(f"rise@0.2 < {worst}")


def test_defend(shops, tmp_path):
    frame, sales, path = shops
    learner = ["--lambda1", "1e-3", "--lambda2", "1e-2"]
    record = run("defend", path, tmp_path, *learner, "--share", "0.1")
    detector = ct.PoisonDetector("shop", share=0.1, lambda1=1e-3, lambda2=1e-2)
    assert (detector.fit_predict(frame, sales) == -1).sum() > 0
    flags = {int(row["line"]) - 2: float(row["p"]) for row in rows_of(tmp_path / "flags.csv")}
    np.testing.assert_array_equal(detector.p_values_, [flags[row] for row in range(len(frame))])
    kept = pd.read_csv(tmp_path / "cleaned.csv")
    pd.testing.assert_frame_equal(kept, frame.assign(sales=sales)[detector.kept_].reset_index(drop=True))
    robust = ct.RobustMTRLRegressor("shop", share=0.1, lambda1=1e-3, lambda2=1e-2).fit(frame, sales)
    assert robust.objective_ == record["defend"]["objective"]


def test_defend_where_whole_tasks_are_left_out(tmp_path):
    rng = np.random.RandomState(1)
    names = np.repeat([f"shop {k}" for k in range(23)], [8] * 20 + [40] * 3)
    X = rng.normal(size=(len(names), 5))
    common = 3 * rng.normal(size=5)
    honest = X @ common + rng.normal(size=len(names))
    made_up = np.concatenate([X[names == name] @ (30 * rng.normal(size=5)) for name in np.unique(names[160:])])
    frame = pd.DataFrame(X.round(4), columns=list("abcde"))
    frame.insert(0, "shop", names)
    sales = pd.Series(np.concatenate([honest[:160], made_up]).round(4), name="sales")
    path = tmp_path / "shops.csv"
    pd.concat([frame, sales], axis=1).to_csv(path, index=False)
    record = run("defend", path, tmp_path / "out", "--lambda1", "1e-2", "--lambda2", "2e-2")
    detector = ct.PoisonDetector("shop", lambda1=1e-2, lambda2=2e-2).fit(frame, sales)
    assert 0 < detector.task_screen_["left_out_whole"].sum() < 23
    kept = pd.read_csv(tmp_path / "out/cleaned.csv")
    assert set(names[detector.kept_]) == set(kept["shop"])
    robust = ct.RobustMTRLRegressor("shop", lambda1=1e-2, lambda2=2e-2).fit(frame, sales)
    assert robust.objective_ == record["defend"]["objective"]


def test_a_file_of_several_classes_is_refused(shops, tmp_path):
    frame, _, _ = shops
    frame.assign(kind=np.array(["x", "y", "z"])[np.arange(120) % 3]).to_csv(tmp_path / "kinds.csv", index=False)
    with pytest.raises(ValueError, match='the label "kind" has 3 words .*; it must have two classes, or be numbers'):
        ct.load_problem(str(tmp_path / "kinds.csv"), task="shop", label="kind")


def test_certify(shops, tmp_path):
    frame, sales, path = shops
    run("certify", path, tmp_path, "--groups", "5", "--test-fraction", "0")
    proven = ct.certify(frame, sales, task="shop", groups=5)
    rows = sorted(rows_of(tmp_path / "certified_predictions.csv"), key=lambda row: int(row["row"]))
    interval = proven.intervals(frame, k=2)
    for name, column in (("prediction", "prediction"), ("low_2", "low"), ("high_2", "high")):
        np.testing.assert_array_equal(interval[column], [float(row[name]) for row in rows])


def test_screen(shops, tmp_path):
    frame, sales, path = shops
    new = frame.iloc[:20].assign(sales=sales[:20] + np.where(np.arange(20) < 5, 40.0, 0.0))
    new.loc[19, "shop"] = "unknown"
    new.to_csv(tmp_path / "new.csv", index=False)
    flags = ["--task", "shop", "--label", "sales", "--lambda1", "1e-3", "--lambda2", "1e-2", "--quiet"]
    words = [COMMAND, "screen", str(tmp_path / "new.csv"), "--against", str(path), "--out", str(tmp_path), *flags]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    est = ct.MTRLRegressor("shop", lambda1=1e-3, lambda2=1e-2)
    found = ct.screen(new.drop(columns="sales"), new["sales"], against=(frame, sales), estimator=est)
    p = {int(row["line"]) - 2: float(row["p"]) for row in rows_of(tmp_path / "flags.csv")}
    np.testing.assert_array_equal(found["p"], [p[row] for row in range(20)])
    assert found["rejected"].to_numpy().nonzero()[0].tolist() == [0, 1, 2, 3, 4]
