"""Audits a learner of your own: a pipeline that has never heard of tasks."""

from pathlib import Path

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import crosstalk as ct

shops = pd.read_csv(Path(__file__).parents[1] / "cpp/shops.csv")
sales = shops.pop("sales")

columns = make_column_transformer((OneHotEncoder(), ["shop"]), remainder="passthrough")
forest = make_pipeline(columns, RandomForestRegressor(30, random_state=0))
stand_in = ct.MTRLRegressor("shop", lambda1=1e-3, lambda2=1e-2)

result = ct.audit(shops, sales, estimator=stand_in, victim=forest, budgets=(0.1, 0.2), repeats=1, methods=("random", "exact"))
both = result.summary_[["kind", "method", "budget", "rise"]].merge(
    result.victim_summary_, on=["kind", "method", "budget"], suffixes=("_mtrl", "_forest")
)
print(both.round(2).to_string(index=False))
