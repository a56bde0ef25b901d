#!/usr/bin/env python3
"""Tables of defence_bench's CSV: tables.py FILE.csv [DEFENCE]"""
import csv
import sys
from collections import defaultdict

LEAST_DAMAGE = 0.02


def read(path, defence):
    with open(path, newline="") as file:
        return [row for row in csv.DictReader(file) if row["defence"] == defence]


def honest(rows):
    print("| honest set | runs | rows left out, mean | largest | metric lost, largest | flagged |")
    print("|---|---:|---:|---:|---:|---:|")
    of_set = defaultdict(list)
    for row in rows:
        if row["attacker"] == "none":
            of_set[row["set"]].append(row)
    for name, runs in of_set.items():
        left = [float(row["honest_left_out"]) for row in runs]
        lost = [float(row["defended"]) / float(row["clean"]) - 1.0 for row in runs]
        flagged = [float(row["honest_flagged"]) for row in runs]
        print(f"| {name} | {len(runs)} | {100 * sum(left) / len(left):.2f} % | {100 * max(left):.2f} % "
              f"| {100 * max(lost):.2f} % | {100 * sum(flagged) / len(flagged):.1f} % |")


def won_back(row):
    clean, attacked, defended = (float(row[key]) for key in ("clean", "attacked", "defended"))
    return max(-1.0, min(1.0, (attacked - defended) / (attacked - clean)))


def attacks(rows):
    print("| attacker | runs | without damage | won back, mean | at least 90 % | worse by 2 % | injected rows found "
          "| honest rows lost |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    of_attacker = defaultdict(list)
    for row in rows:
        if row["attacker"] != "none":
            of_attacker[row["attacker"]].append(row)
    for name, all_runs in of_attacker.items():
        runs = [row for row in all_runs
                if float(row["attacked"]) > (1.0 + LEAST_DAMAGE) * float(row["clean"])]
        worse = sum(float(row["defended"]) > 1.02 * float(row["attacked"]) for row in all_runs)
        if not runs:
            print(f"| {name} | 0 | {len(all_runs)} | | | {worse} | | |")
            continue
        shares = [won_back(row) for row in runs]
        found = [float(row["injected_left_out"]) for row in runs]
        lost = [float(row["honest_left_out"]) for row in runs]
        print(f"| {name} | {len(runs)} | {len(all_runs) - len(runs)} | {100 * sum(shares) / len(shares):.0f} % "
              f"| {sum(share >= 0.9 for share in shares)} | {worse} | {100 * sum(found) / len(found):.0f} % "
              f"| {100 * sum(lost) / len(lost):.1f} % |")


def tasks(rows):
    """Fictitious tasks by attacker and budget; nothing for files without the columns."""
    of_cell = defaultdict(list)
    for row in rows:
        if row["attacker"].startswith("fictitious") and "fictitious_tasks_left_out" in row:
            of_cell[row["attacker"], row["budget"]].append(row)
    if not of_cell:
        return
    print("\n| attacker | tasks | runs | AUC, mean | AUC of 0.95 | fictitious left out | honest left out | with damage |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for (name, budget), runs in sorted(of_cell.items()):
        auc = [float(row["task_auc"]) for row in runs]
        mean = {key: 100 * sum(float(row[key]) for row in runs) / len(runs)
                for key in ("fictitious_tasks_left_out", "honest_tasks_left_out")}
        damage = sum(float(row["attacked"]) > (1.0 + LEAST_DAMAGE) * float(row["clean"]) for row in runs)
        print(f"| {name} | {100 * float(budget):.0f} % | {len(runs)} | {sum(auc) / len(auc):.3f} "
              f"| {sum(value >= 0.95 for value in auc)} | {mean['fictitious_tasks_left_out']:.0f} % "
              f"| {mean['honest_tasks_left_out']:.1f} % | {damage} |")


def main():
    rows = read(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "trim")
    honest(rows)
    print()
    attacks(rows)
    tasks(rows)


if __name__ == "__main__":
    main()
