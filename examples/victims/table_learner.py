#!/usr/bin/env python3
"""Learners of tables for `crosstalk audit --victim`, to be replaced by your own. They need python3-sklearn.

    crosstalk audit shops.csv --task shop --label sales \\
        --victim 'python3 examples/victims/table_learner.py boosting --task shop {train} {test} {predictions}'

    ridge     a ridge regression for each task (of classes: a logistic regression), its strength by cross-validation
    boosting  gradient boosting of all rows together, with the task as a feature
    network   one small neural network for all rows, with the task as a feature

It learns the column of the first file that the second does not have. Numbers are features as they are, words by an
indicator each, an empty cell is the column's mean. The answers are the column `prediction`; of two classes also
`score`, the probability of the class that comes last in byte order.
"""

import argparse
import csv
import os
import warnings

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    return {name: [row[j] for row in rows[1:]] for j, name in enumerate(rows[0])}


def number(cell):
    try:
        value = float(cell)
        return value if np.isfinite(value) else None
    except ValueError:
        return None


def features(seen, asked, columns, words):
    """Two arrays, for the rows of both files; the columns in `words` are words whatever they look like."""
    parts = ([], [])
    for name in columns:
        cells = (seen[name], asked[name])
        if name not in words and all(cell == "" or number(cell) is not None for cell in seen[name]):
            mean = np.mean([number(cell) for cell in seen[name] if cell] or [0.0])
            for part, column in zip(parts, cells):
                values = [number(cell) for cell in column]
                part.append(np.array([[mean if value is None else value] for value in values]))
        else:
            values = sorted(set(seen[name]))
            for part, column in zip(parts, cells):
                part.append(np.array([[cell == value for value in values] for cell in column], dtype=float))
    return np.hstack(parts[0]), np.hstack(parts[1])


def learner(kind, classes, seed):
    if kind == "ridge":
        return make_pipeline(StandardScaler(), LogisticRegressionCV(Cs=np.logspace(-3, 2, 6), cv=3, max_iter=1000)
                             if classes else RidgeCV(np.logspace(-2, 4, 13)))
    if kind == "boosting":
        return (HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor)(random_state=seed)
    network = (MLPClassifier if classes else MLPRegressor)((32,), alpha=1.0, max_iter=500, random_state=seed)
    return make_pipeline(StandardScaler(),
                         network if classes else TransformedTargetRegressor(network, transformer=StandardScaler()))


class Constant:
    """For a task with rows of one class."""

    def __init__(self, y):
        self.classes_, self.value = np.unique(y), y[0]

    def predict(self, X):
        return np.full(len(X), self.value)

    def predict_proba(self, X):
        return np.ones((len(X), 1))


def fitted(kind, X, y, classes, seed):
    if classes and np.unique(y, return_counts=True)[1].min() < 3:
        return Constant(y if len(set(y)) == 1 else np.full(len(y), max(set(y), key=list(y).count)))
    if len(set(y)) == 1:
        return Constant(y)
    return learner(kind, classes, seed).fit(X, y)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["ridge", "boosting", "network"])
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("predictions")
    parser.add_argument("--task", help="the column that names the task of a row; none: all rows are one task")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    seed = int(os.environ.get("CROSSTALK_SEED", "1")) % 2**32
    seen, asked = read(options.train), read(options.test)
    label = next(name for name in seen if name not in asked)
    words = sorted(set(seen[label]))
    classes = len(words) == 2
    y = np.array([words.index(cell) for cell in seen[label]] if classes else [float(cell) for cell in seen[label]])
    columns = [name for name in asked if name != options.task]
    by_task = options.kind == "ridge" and options.task is not None
    if options.task is not None and not by_task:
        columns.append(options.task)
    X, Z = features(seen, asked, columns, {options.task})
    groups = [(np.array([cell == task for cell in seen[options.task]]),
               np.array([cell == task for cell in asked[options.task]]))
              for task in sorted(set(asked[options.task]))] if by_task else [(slice(None), slice(None))]
    answers, scores = np.empty(len(Z)), np.empty(len(Z))
    for rows, wanted in groups:
        model = fitted(options.kind, X[rows], y[rows], classes, seed)
        answers[wanted] = model.predict(Z[wanted])
        if classes:
            scores[wanted] = (model.predict_proba(Z[wanted])[:, -1] if len(model.classes_) == 2
                              else np.full(len(Z[wanted]), float(model.classes_[0])))
    with open(options.predictions, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        if classes:
            table.writerow(["prediction", "score"])
            table.writerows((words[int(answer)], repr(float(score))) for answer, score in zip(answers, scores))
        else:
            table.writerow(["prediction"])
            table.writerows([repr(float(answer))] for answer in answers)


if __name__ == "__main__":
    main()
