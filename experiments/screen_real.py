#!/usr/bin/env python3
"""How many honest rows of real sets `crosstalk screen` rejects, and how many of a row in twenty with a false label.

    CROSSTALK_DATA=DIR experiments/screen_real.py build/release/crosstalk   # writes experiments/results/screen_real.csv

At most 6,000 rows of a set are drawn and each task is halved at random: one half is trusted, the other is the new
batch. A false label is 4 standard deviations of all labels away. Three draws of each set, both references.
"""

import csv
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RESULT = Path(__file__).resolve().parent / "results" / "screen_real.csv"
SETS = ["bike", "boston", "diamonds", "guns", "hsb82", "insteval"]
ROWS = 6000
FEWEST_ROWS = 8  # of a task
DRAWS = 3


def write(path, header, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def halves(rows):
    tasks = {}
    for row in rows[:ROWS]:
        tasks.setdefault(row[0], []).append(row)
    tasks = [task for task in tasks.values() if len(task) >= FEWEST_ROWS]
    return [row for task in tasks for row in task[: len(task) // 2]], [
        row for task in tasks for row in task[len(task) // 2 :]]


def main():
    crosstalk = str(Path(sys.argv[1]).resolve())
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in SETS:
            with open(Path(os.environ["CROSSTALK_DATA"]) / "grouped" / f"{name}.csv", newline="") as file:
                header, *all_rows = csv.reader(file)
            deviation = statistics.pstdev(float(row[1]) for row in all_rows)
            for seed in range(1, DRAWS + 1):
                draw = random.Random(seed)
                rows = [list(row) for row in all_rows]
                draw.shuffle(rows)
                trusted, new = halves(rows)
                false = set(draw.sample(range(len(new)), len(new) // 20))
                changed = [[row[0], float(row[1]) + 4 * deviation * draw.choice([-1, 1]), *row[2:]] if i in false else row
                           for i, row in enumerate(new)]
                for share, batch in ((0.0, new), (0.05, changed)):
                    write(f"{folder}/trusted.csv", header, trusted)
                    write(f"{folder}/new.csv", header, batch)
                    for reference in ("task", "all"):
                        subprocess.run([crosstalk, "screen", "new.csv", "--against", "trusted.csv", "--task", "task",
                                        "--loss", "squared", "--unseen", "ignore", "--reference", reference, "--quiet",
                                        "--out", "out"], cwd=folder, check=True, capture_output=True)
                        with open(f"{folder}/out/flags.csv", newline="") as file:
                            flags = list(csv.DictReader(file))
                        rejected = {int(row["line"]) - 2 for row in flags if row["rejected"] in ("1", "true", "yes")}
                        wrong = false if share else set()
                        found.append({
                            "set": name, "draw": seed, "false labels": share, "reference": reference,
                            "trusted": len(trusted), "new": len(flags), "rejected": len(rejected),
                            "found": len(rejected & wrong) / len(wrong) if wrong else "",
                            "honest rejected": len(rejected - wrong)})
                        print(found[-1], file=sys.stderr)
    with open(RESULT, "w", newline="") as file:
        writer = csv.DictWriter(file, found[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)


if __name__ == "__main__":
    main()
