"""Injects rows, looks for them, and learns without those that stand out."""

import numpy as np

import crosstalk as ct

rng = np.random.RandomState(1)
tasks = np.repeat(["ann", "bob", "cem", "dee"], 100)
X = rng.normal(size=(400, 5))
W = {name: np.array([1.0, 2, 0, 1, -1]) + 0.2 * rng.normal(size=5) for name in np.unique(tasks)}
y = np.array([x @ W[task] for x, task in zip(X, tasks)]) + 0.3 * rng.normal(size=400)

learner = ct.MTRLRegressor(lambda1=1e-3, lambda2=1e-2)
poisoned = ct.attacks.Exact(budget=0.2, starts=1).run(learner, X, y, tasks=tasks, targets=["ann"]).poisoned()
features, injected = [f"x{j + 1}" for j in range(5)], poisoned["injected"] == 1

detector = ct.PoisonDetector().fit(poisoned[features], poisoned["label"], tasks=poisoned["task"])
print(f"{injected.sum()} injected rows, {(~detector.kept_[injected]).sum()} of them left out")
print(f"{(~injected).sum()} honest rows, {(~detector.kept_[~injected]).sum()} of them left out")

robust = ct.RobustMTRLRegressor().fit(poisoned[features], poisoned["label"], tasks=poisoned["task"])
naive = ct.MTRLRegressorCV().fit(poisoned[features], poisoned["label"], tasks=poisoned["task"])
for name, estimator in (("with them", naive), ("robust", robust)):
    print(f"error of ann's weights, {name}: {np.linalg.norm(estimator.coef_[0] - W['ann']):.2f}")
