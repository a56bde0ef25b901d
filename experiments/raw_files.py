#!/usr/bin/env python3
"""Does reading a raw file cost anything? crosstalk on raw files beside scikit-learn on clean tables.

    CROSSTALK_DATA=DIR experiments/raw_files.py CROSSTALK [SET ...]

Every published set below $CROSSTALK_DATA that is a table of rows of several kinds is written as people export
such files, with a trouble that its entry in sets() names. `crosstalk fit` and `crosstalk predict` get that file;
scikit-learn gets the table itself: numbers standardised, words one-hot encoded, RidgeCV or LogisticRegressionCV,
each task alone ("per task"), all rows together without the task ("pooled") and with indicators of the task
("pooled, task"). `crosstalk fit` also gets the file with the task's column ignored ("one task"), which is ridge
regression: beside "pooled" it says what the reading costs, where "crosstalk" says what reading and learner cost.
All see the same training and test rows: 70 % of every task and the rest, five draws. Tasks of fewer than 7 rows
are left out before anything else (wages have 7 rows a person).

Regression: RMSE over all test rows. Classification: mean AUC of the tasks with both classes in their test rows.

Where crosstalk is more than 1 % worse than the better of the first two, reasons() tries two explanations.

Writes experiments/results/raw_files.csv and raw_files_reasons.csv, and from them the tables of
docs/results/raw_files.md (docs/results/make_tables.py). Needs numpy, pandas, scikit-learn.
"""

import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "experiments" / "results"
SEEDS = [1, 2, 3, 4, 5]
TEST_SHARE = 0.3
FEWEST_ROWS = 7
METHODS = ["crosstalk", "one task", "per task", "pooled", "pooled, task"]
ALPHAS = np.logspace(-4, 4, 17)


@dataclass
class RawSet:
    """A published table and the raw file that is made of it."""

    name: str
    trouble: str
    table: pd.DataFrame  # the columns task and label, and the features as they should be read
    write: Callable[[pd.DataFrame, Path], None]  # rows of the table, by index, to a raw file
    flags: list[str]
    is_classification: bool = False
    impute: str = "mean"
    fewest_training_rows: int = 0  # tasks of fewer are in the file; --min-rows leaves them out

    def features(self) -> pd.DataFrame:
        return self.table.drop(columns=["task", "label"])


def data(*parts: str) -> Path:
    return Path(os.environ["CROSSTALK_DATA"]).joinpath(*parts)


def grouped(name: str) -> pd.DataFrame:
    table = pd.read_csv(data("grouped", name + ".csv"), keep_default_na=False)
    sizes = table.groupby("task")["task"].transform("size")
    return table[sizes >= FEWEST_ROWS].reset_index(drop=True)


def exact(value: float) -> str:
    return repr(float(value))


def decimal_comma(value: float) -> str:
    return exact(value).replace(".", ",")


def dollars(value: float) -> str:
    return f"{'-' if value < 0 else ''}${abs(value):,.2f}"


def rare(rows: int, seed: int) -> np.ndarray:
    """Five per cent of the rows, drawn once."""
    return np.random.default_rng(seed).random(rows) < 0.05


def as_csv(**how) -> Callable[[pd.DataFrame, Path], None]:
    return lambda rows, path: rows.to_csv(path, index=False, **how)


def write_text(path: Path, text: str, encoding: str = "utf-8") -> None:
    path.write_bytes(text.encode(encoding))


def student() -> RawSet:
    lines, tables = [], []
    for course in ("mat", "por"):
        file = data("student", f"student-{course}.csv")
        header, *rows = file.read_text().splitlines()
        lines += [f'{row};"{course}"' for row in rows]
        tables.append(pd.read_csv(file, sep=";", keep_default_na=False).assign(task=course))
    table = pd.concat(tables, ignore_index=True).rename(columns={"G3": "label"})

    def write(rows: pd.DataFrame, path: Path) -> None:
        write_text(path, "\n".join([header + ";course", *(lines[i] for i in rows.index)]) + "\n")

    return RawSet("student", "as published: `;`, quoted words and quoted numbers; the two files joined with a column course",
                  table, write, ["--task", "course", "--label", "G3"])


def parkinsons() -> RawSet:
    file = data("parkinsons", "parkinsons_updrs.data")
    header, *lines = file.read_text().splitlines()
    table = pd.read_csv(file).rename(columns={"subject#": "task", "motor_UPDRS": "label"}).drop(columns="total_UPDRS")

    def write(rows: pd.DataFrame, path: Path) -> None:
        write_text(path, "\n".join([header, *(lines[i] for i in rows.index)]) + "\n")

    return RawSet("parkinsons", "as published: `subject#`, `Jitter(%)`, numbers like 3.38e-005; the other label ignored",
                  table, write, ["--task", "subject#", "--label", "motor_UPDRS", "--ignore", "total_UPDRS"])


def school() -> RawSet:
    widths = [("year", 1), ("task", 3), ("label", 2), ("fsm", 2), ("vr1", 2), ("gender", 1), ("band", 1), ("ethnic", 2),
              ("school_gender", 1), ("denomination", 1)]
    table = pd.read_fwf(data("school", "ILEA567.DAT"), widths=[w for _, w in widths], names=[n for n, _ in widths])
    table = table[table["year"] != "\x1a"].reset_index(drop=True)  # the end mark of the file
    table = table.astype({"year": int, "task": int}).astype({"task": str})
    words = {
        "gender": {0: "male", 1: "female"},
        "band": {0: "unknown", 1: "VR3", 2: "VR1", 3: "VR2"},
        "ethnic": dict(enumerate(["ESWI", "African", "Arab", "Bangladeshi", "Caribbean", "Greek", "Indian", "Pakistani",
                                  "S.E.Asian", "Turkish", "Other"], 1)),
        "school_gender": {1: "mixed", 2: "male", 3: "female"},
        "denomination": {1: "Maintained", 2: "Church of England", 3: "Roman Catholic"},
    }
    for column, names in words.items():
        table[column] = table[column].map(names)
    return RawSet("school", "no header, `|`, the codes of ILEA567.ASC as words", table, as_csv(sep="|", header=False),
                  ["--no-header", "--task", "column 2", "--label", "column 3"])


def movielens() -> RawSet:
    ratings = pd.read_csv(data("movielens_latest_small", "ratings.csv"))
    movies = pd.read_csv(data("movielens_latest_small", "movies.csv"))
    genres = movies["genres"].str.get_dummies("|").drop(columns="(no genres listed)")
    joined = ratings.merge(pd.concat([movies["movieId"], genres], axis=1), on="movieId", how="left")
    table = joined.drop(columns="movieId").rename(columns={"userId": "task", "rating": "label"})
    table["task"] = table["task"].astype(str)

    def write(rows: pd.DataFrame, path: Path) -> None:
        joined.loc[rows.index].to_csv(path, index=False)

    return RawSet("movielens", "ratings joined with 19 genres as 0/1; numbers as names of users; small users left out by --min-rows 70",
                  table, write, ["--task", "userId", "--label", "rating", "--ignore", "movieId", "--min-rows", "70"],
                  fewest_training_rows=70)


def guns() -> RawSet:
    table = grouped("guns")
    numbers = table.select_dtypes("number").columns

    def write(rows: pd.DataFrame, path: Path) -> None:
        rows.assign(**{c: rows[c].map(decimal_comma) for c in numbers if c != "year"}).to_csv(path, index=False, sep=";")

    return RawSet("guns", "`;` and decimal commas", table, write, ["--task", "task"])


def produc() -> RawSet:
    table = grouped("produc")
    money = ["label", "pcap", "hwy", "water", "util", "pc"]

    def write(rows: pd.DataFrame, path: Path) -> None:
        rows.assign(**{c: rows[c].map(dollars) for c in money}).to_csv(path, index=False)

    return RawSet("produc", "money as \"$1,234.50\", the label, too", table, write, ["--task", "task"])


def bike() -> RawSet:
    table = grouped("bike")

    def write(rows: pd.DataFrame, path: Path) -> None:
        shown = rows.assign(temp=(rows["temp"] * 1e6).map(exact)).reset_index(drop=True)
        shown.to_csv(path, lineterminator="\r\n")

    return RawSet("bike", "an unnamed column of row numbers, CRLF, one column times 10^6", table, write, ["--task", "task"])


def insteval() -> RawSet:
    return RawSet("insteval", "UTF-16; whole-number ratings 1 to 5 as a number (--loss squared)", grouped("insteval"),
                  as_csv(encoding="utf-16"), ["--task", "task", "--loss", "squared"])


def boston() -> RawSet:
    table = grouped("boston")

    def write(rows: pd.DataFrame, path: Path) -> None:
        write_text(path, "Housing in Boston\nsource: MASS, exported\n\n" + rows.drop(columns="task").to_csv(index=False))

    return RawSet("boston", "three lines before the header (--skip-lines 3), no task column", table, write, ["--skip-lines", "3"])


def contraception() -> RawSet:
    table = grouped("contraception")
    table.loc[rare(len(table), 1), "age"] = np.nan

    def write(rows: pd.DataFrame, path: Path) -> None:
        rows.assign(label=rows["label"].map({-1: "no", 1: "yes"})).to_csv(path, index=False, na_rep="NA")

    return RawSet("contraception", "labels yes and no, `NA` in 5 % of age (--missing median)", table, write,
                  ["--task", "task", "--missing", "median"], is_classification=True, impute="median")


def wages() -> RawSet:
    table = grouped("wages")

    def write(rows: pd.DataFrame, path: Path) -> None:
        rows.assign(survey="PSID", id=[f"W{i:05d}" for i in rows.index]).to_csv(path, index=False, sep="|")

    return RawSet("wages", "`|`, a column that is constant, a column of ids", table, write, ["--task", "task"])


def diamonds() -> RawSet:
    table = grouped("diamonds")
    cuts = {"Fair": "passable", "Good": "bon", "Very_Good": "très bon", "Premium": "supérieur", "Ideal": "idéal"}
    table["task"] = table["task"].map(cuts)

    def write(rows: pd.DataFrame, path: Path) -> None:
        shown = rows.assign(label=rows["label"].map(lambda price: f"{price:,} €"), copy=rows["carat"])
        shown.to_csv(path, index=False, sep="\t", encoding="cp1252", quoting=csv.QUOTE_ALL)

    return RawSet("diamonds", "tabs, Windows-1252, all cells quoted, prices as `2,759 €` (--decimal point), a column twice under two names", table,
                  write, ["--task", "task", "--decimal", "point"])


def radon() -> RawSet:
    table = grouped("radon")
    table.loc[rare(len(table), 2), "uranium"] = np.nan
    return RawSet("radon", "-999 for a missing value in 5 % of uranium (--missing-words=-999 --missing mean)", table,
                  as_csv(na_rep="-999"), ["--task", "task", "--missing-words=-999", "--missing", "mean"])


def hsb82() -> RawSet:
    table = grouped("hsb82")

    def write(rows: pd.DataFrame, path: Path) -> None:
        per_cent = {c: (rows[c] * 100).map(lambda value: exact(value) + "%") for c in ("ses", "meanses")}
        rows.assign(**per_cent).to_csv(path, index=False, lineterminator="\r")

    return RawSet("hsb82", "two columns in per cent, CR alone as line end", table, write, ["--task", "task"])


def sets() -> list[RawSet]:
    return [make() for make in (student, movielens, parkinsons, school, guns, produc, bike, insteval, boston, contraception,
                                wages, diamonds, radon, hsb82)]


def split(tasks: pd.Series, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of training and test rows: of each task 30 %, at least one row, are held out."""
    rng = np.random.default_rng(seed)
    test = np.zeros(len(tasks), dtype=bool)
    for positions in tasks.groupby(tasks, sort=False).indices.values():
        count = max(1, round(TEST_SHARE * len(positions)))
        test[rng.permutation(positions)[:count]] = True
    return np.flatnonzero(~test), np.flatnonzero(test)


def learner(raw: RawSet, features: pd.DataFrame, labels: pd.Series):
    """Scaler and encoder, then Ridge or logistic regression with its penalty chosen inside the training rows."""
    numbers = features.select_dtypes("number").columns
    words = features.columns.difference(numbers)
    prepare = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(strategy=raw.impute, keep_empty_features=True), StandardScaler()), numbers),
        ("words", OneHotEncoder(handle_unknown="ignore"), words),
    ])
    if not raw.is_classification:
        return make_pipeline(prepare, RidgeCV(alphas=ALPHAS))
    folds = min(5, labels.value_counts().min())
    return make_pipeline(prepare, LogisticRegressionCV(cv=folds, max_iter=5000))


def scores(raw: RawSet, features: pd.DataFrame, labels: pd.Series, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """What scikit-learn predicts for the test rows; the mean label where a model cannot be learned."""
    known = labels.iloc[train]
    few = known.nunique() < 2 or (raw.is_classification and known.value_counts().min() < 2)
    if few:
        return np.full(len(test), known.mean())
    model = learner(raw, features, known).fit(features.iloc[train], known)
    return model.decision_function(features.iloc[test]) if raw.is_classification else model.predict(features.iloc[test])


def per_task(raw: RawSet, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    result = np.empty(len(test))
    tasks = raw.table["task"].to_numpy()
    for task in pd.unique(tasks[test]):
        at = np.flatnonzero(tasks[test] == task)
        result[at] = scores(raw, raw.features(), raw.table["label"], train[tasks[train] == task], test[at])
    return result


def metric(raw: RawSet, test: np.ndarray, predicted: np.ndarray) -> float:
    labels = raw.table["label"].to_numpy()[test]
    if not raw.is_classification:
        return float(np.sqrt(np.mean((labels - predicted) ** 2)))
    tasks = raw.table["task"].to_numpy()[test]
    of_tasks = [roc_auc_score(labels[tasks == t], predicted[tasks == t]) for t in pd.unique(tasks)
                if len(set(labels[tasks == t])) == 2]
    return float(np.mean(of_tasks))


def crosstalk(command: str, *arguments: str) -> dict:
    done = subprocess.run([command, *arguments, "--json", "--quiet"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{command} {' '.join(arguments)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def as_one_task(raw: RawSet) -> list[str]:
    """The flags of the set with the task's column ignored."""
    if "--task" not in raw.flags:
        return raw.flags
    at = raw.flags.index("--task")
    task, others = raw.flags[at + 1], raw.flags[:at] + raw.flags[at + 2:]
    if "--ignore" not in others:
        return [*others, "--ignore", task]
    at = others.index("--ignore") + 1
    return [*others[:at], f"{others[at]},{task}", *others[at + 1:]]


def raw_scores(command: str, raw: RawSet, flags: list[str], train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, dict]:
    """Predictions of crosstalk for the test rows, from raw files, and the record of the fit."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / "train.csv", Path(folder) / "test.csv"]
        for rows, path in zip((train, test), files):
            raw.write(raw.table.iloc[rows], path)
        fit = crosstalk(command, "fit", str(files[0]), *flags, "--test-fraction", "0", "--out", f"{folder}/fit")
        skip = flags[flags.index("--skip-lines"):][:2] if "--skip-lines" in flags else []
        crosstalk(command, "predict", f"{folder}/fit/model.json", str(files[1]), *skip, "--unseen", "ignore", "--unknown-task",
                  "mean", "--out", f"{folder}/predict")
        predictions = pd.read_csv(f"{folder}/predict/predictions.csv")
    if not np.array_equal(predictions["row"].to_numpy(), np.arange(1, len(test) + 1)):
        sys.exit(f"{raw.name}: {len(predictions)} predictions for {len(test)} rows")
    return predictions["score"].to_numpy(), fit


def notes_in_short(notes: list[str]) -> str:
    """The notes of a fit; those that say the same of several columns are one."""
    kinds: dict[str, list[str]] = {}
    for note in notes:
        kind = re.sub(r'^column ".*?" (has \d+ values? and )?was (read|one)', r"columns were \2", note)
        kinds.setdefault(kind, []).append(note)
    if not kinds:
        return "nothing"
    return "; ".join(same[0] if len(same) == 1 else f"{len(same)} {kind}" for kind, same in kinds.items())


def measure(command: str, raw: RawSet) -> dict:
    results = {name: [] for name in METHODS}
    said = {}
    tasks, labels, features = raw.table["task"], raw.table["label"], raw.features()
    with_task = features.assign(task=tasks)
    for seed in SEEDS:
        train, test = split(tasks, seed)
        predicted, fit = raw_scores(command, raw, raw.flags, train, test)
        said = said or fit["data"]
        sizes = tasks.iloc[train].value_counts()
        large = tasks.isin(sizes[sizes >= raw.fewest_training_rows].index).to_numpy()
        predicted = predicted[large[test]]
        train, test = train[large[train]], test[large[test]]
        one_task, _ = raw_scores(command, raw, as_one_task(raw), train, test)
        of_split = [predicted, one_task, per_task(raw, train, test), scores(raw, features, labels, train, test),
                    scores(raw, with_task, labels, train, test)]
        for name, scored in zip(METHODS, of_split):
            results[name].append(metric(raw, test, scored))
    means = {name: float(np.mean(values)) for name, values in results.items()}
    sign = 1 if raw.is_classification else -1

    def worse(name: str, *others: str) -> float:
        best = max((means[other] for other in others), key=lambda value: sign * value)
        return 100 * sign * (best - means[name]) / best

    return {"set": raw.name, "trouble": raw.trouble, "rows": len(raw.table), "tasks": said["tasks"], "features": said["features"],
            "metric": "AUC" if raw.is_classification else "RMSE", **means,
            "crosstalk worse, %": worse("crosstalk", "per task", "pooled"), "one task worse, %": worse("one task", "pooled"),
            "said": notes_in_short(said["notes"])}


def reasons(command: str, raw: RawSet) -> dict:
    """Two explanations of a loss against pooled regression, as means of the metric.

    Tasks count the same in crosstalk's objective, whatever their rows: so do those of the second value. The penalty of
    MTRL also shrinks what all tasks have in common: the last value is crosstalk on what pooled Ridge leaves of the
    labels, its predictions added to those of Ridge. Labels of classes are -1 and +1 there.
    """
    tasks, labels, features = raw.table["task"], raw.table["label"], raw.features()
    numbers = replace(raw, is_classification=False)
    results = {"pooled": [], "pooled, tasks weigh the same": [], "pooled Ridge": [], "crosstalk on what Ridge leaves": []}
    for seed in SEEDS:
        train, test = split(tasks, seed)
        known = labels.iloc[train]
        weights = 1.0 / tasks.iloc[train].map(tasks.iloc[train].value_counts()).to_numpy()
        weighted = learner(raw, features, known)
        weighted.fit(features.iloc[train], known, **{f"{weighted.steps[-1][0]}__sample_weight": weights / weights.mean()})
        score = weighted.decision_function if raw.is_classification else weighted.predict
        common = learner(numbers, features, known).fit(features.iloc[train], known).predict(features)
        rest = replace(numbers, table=raw.table.assign(label=labels - common), write=as_csv(na_rep="NA"))
        predicted, _ = raw_scores(command, rest, ["--task", "task", "--missing", raw.impute], train, test)
        of_split = [scores(raw, features, labels, train, test), score(features.iloc[test]), common[test], common[test] + predicted]
        for name, scored in zip(results, of_split):
            results[name].append(metric(raw, test, scored))
    return {"set": raw.name, **{name: float(np.mean(values)) for name, values in results.items()}}


def main() -> None:
    if len(sys.argv) < 2 or "CROSSTALK_DATA" not in os.environ:
        sys.exit(__doc__)
    command, wanted = sys.argv[1], sys.argv[2:]
    warnings.simplefilter("ignore", ConvergenceWarning)
    rows, explained = [], []
    for raw in sets():
        if wanted and raw.name not in wanted:
            continue
        rows.append(measure(command, raw))
        print(json.dumps(rows[-1], ensure_ascii=False), flush=True)
        if rows[-1]["crosstalk worse, %"] > 1.0:
            explained.append(reasons(command, raw))
            print(json.dumps(explained[-1]), flush=True)
    if not wanted:
        write(pd.DataFrame(rows), pd.DataFrame(explained))


def write(results: pd.DataFrame, explained: pd.DataFrame) -> None:
    RESULTS.mkdir(exist_ok=True)
    results.to_csv(RESULTS / "raw_files.csv", index=False, float_format="%.6g")
    explained.to_csv(RESULTS / "raw_files_reasons.csv", index=False, float_format="%.6g")
    subprocess.run([sys.executable, ROOT / "docs" / "results" / "make_tables.py"], check=True)


if __name__ == "__main__":
    main()
