"""Audits a data frame: which users lose most when rows are injected?   audit_frame.py [FOLDER for the report]"""

import sys
from pathlib import Path

import pandas as pd

import crosstalk as ct

shops = pd.read_csv(Path(__file__).parents[1] / "cpp/shops.csv")
sales = shops.pop("sales")

result = ct.audit(shops, sales, task="shop", budgets=(0.1, 0.2), repeats=1)
print(result.answer_)
print(result.summary_[["kind", "method", "budget", "rise"]].round(2).to_string(index=False))

targets = result.exposure_.query("target and method == 'exact' and budget == 0.2")
print("\nMost exposed:", targets.sort_values("rise")["task"].iloc[-1])
if len(sys.argv) > 1:
    result.to_html(Path(sys.argv[1]) / "report.html")
