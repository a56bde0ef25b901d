#!/usr/bin/env python3
"""Means over the seeds of what experiments/accounts.cpp wrote, with 95 % intervals and a verdict.

    experiments/accounts_summary.py SUMMARY.csv ACCOUNTS.csv...

The verdict is about "attackers can launch indirect attacks by faking some malicious user accounts" (Zhao et al. 2018):
`holds` when the whole interval of the rise of the targets' held-out loss is above 5 %, `in part` when it is above 0,
else `does not hold`. Python's standard library is all that it needs.
"""

import csv
import math
import statistics
import sys

T = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}  # 97.5 % of Student's t
COLUMNS = {"clean": "clean", "attacked": "attacked", "rise of the loss": "rise", "relation error clean": "relation clean",
           "relation error": "relation", "leave-one-out auc": "auc"}


def mean_with_interval(values):
    values = [value for value in values if not math.isnan(value)]
    if not values:
        return math.nan, math.nan, math.nan
    mean = statistics.fmean(values)
    if len(values) == 1:
        return mean, math.nan, math.nan
    half = T[len(values) - 1] * statistics.stdev(values) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def verdict(low):
    return "one seed" if math.isnan(low) else "holds" if low > 0.05 else "in part" if low > 0 else "does not hold"


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    groups = {}
    for path in sys.argv[2:]:
        with open(path, newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                key = tuple(row[name] for name in ("set", "tasks", "rows each", "share", "accounts", "method", "metric"))
                groups.setdefault(key, []).append(row)
    with open(sys.argv[1], "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["set", "tasks", "rows each", "share", "accounts", "method", "metric", "seeds", "clean", "attacked",
                        "rise", "low", "high", "relation clean", "relation", "auc", "verdict"])
        for key, rows in groups.items():
            of = {short: mean_with_interval([float(row[name]) for row in rows]) for name, short in COLUMNS.items()}
            mean, low, high = of["rise"]
            table.writerow([*key, len(rows), *(f"{of[name][0]:.4g}" for name in ("clean", "attacked")),
                            f"{mean:.4g}", f"{low:.4g}", f"{high:.4g}",
                            *(f"{of[name][0]:.4g}" for name in ("relation clean", "relation", "auc")), verdict(low)])


if __name__ == "__main__":
    main()
