#!/usr/bin/env python3
"""What a kernel learns that a line does not, what attacks do to it, and how long both take.

    CROSSTALK_DATA=DIR experiments/kernels.py build/release/crosstalk [sines] [rings] [parkinsons] [landmine] [attack] [time]

Measures what the words name, all without any, and writes experiments/results/kernels_fit.csv (a line a set and kernel),
kernels_attack.csv and kernels_time.csv. Lines of other sets stay.
The sets `sines` (y = +-sin(2 x) + noise of deviation 0.1, the sign alternates from task to task) and `rings` (class by
|x|, 5 % of the labels flipped) are drawn here: 10 tasks, 400 training and 2,000 test rows each.
"""

import csv
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"
TASKS = 10
NOISE = 0.1
FLIPPED = 0.05


def sine_row(draw, task):
    x = draw.uniform(-3, 3)
    noise = draw.gauss(0, NOISE)
    return [x], (1 if task % 2 == 0 else -1) * math.sin(2 * x) + noise, noise


def ring_row(draw, task):
    x = [draw.gauss(0, 1), draw.gauss(0, 1)]
    flipped = draw.random() < FLIPPED
    return x, "in" if (math.hypot(*x) < 1.18) != flipped else "out", flipped  # 1.18: half of the rows


SETS = {"sines": sine_row, "rings": ring_row, "parkinsons": None, "landmine": None}
LANDMARKS = {"rings": 100, "parkinsons": 100, "landmine": 200}  # 432 fits each


def write_set(path, row_of, rows, seed):
    """@return what no learner can explain: the noises of all rows."""
    draw = random.Random(seed)
    noises = []
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        for task in range(TASKS):
            for _ in range(rows):
                x, label, noise = row_of(draw, task)
                if not noises:
                    out.writerow(["task", *(f"x{k}" for k in range(len(x))), "label"])
                out.writerow([f"t{task}", *x, label])
                noises.append(noise)
    return noises


def run(words, folder):
    begin = time.monotonic()
    done = subprocess.run([str(word) for word in words] + ["--quiet", "--out", "out"], cwd=folder, check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode not in (0, 3):
        sys.exit(f"{words}: {done.stderr}")
    record = json.loads((Path(folder) / "out" / "run.json").read_text())
    return record, time.monotonic() - begin


def save(name, rows):
    with open(RESULTS / name, "w", newline="") as file:
        out = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


def measure_fits(crosstalk, folder, wanted):
    for name in wanted:
        row_of = SETS[name]
        rows = []
        words = [name]
        floor = ""
        if row_of:
            write_set(f"{folder}/{name}.csv", row_of, 400, 1)
            noises = write_set(f"{folder}/{name}_test.csv", row_of, 2000, 2)
            words = [f"{name}.csv", "--test", f"{name}_test.csv", "--task", "task"]
            floor = (math.sqrt(sum(n * n for n in noises) / len(noises)) if name == "sines"
                     else 1 - sum(noises) / len(noises))
        for kernel in ("linear", "rbf"):
            more = ["--landmarks", LANDMARKS[name]] if kernel == "rbf" and name in LANDMARKS else []
            record, seconds = run([crosstalk, "fit", *words, "--kernel", kernel, "--cv", *more], folder)
            mean = record["test"]["mean"]
            of_kernel = record["learner"].get("kernel", {})
            rows.append({"set": name, "kernel": kernel, "training_rows": record["data"]["training_rows"],
                         "test_rows": record["data"]["test_rows"], "landmarks": of_kernel.get("landmarks", ""),
                         "width": of_kernel.get("width", ""), "lambda1": record["learner"]["lambda1"],
                         "lambda2": record["learner"]["lambda2"], "nmse": mean.get("nmse", ""),
                         "rmse": mean.get("rmse", ""), "auc": mean.get("auc", ""),
                         "accuracy": mean.get("accuracy", ""), "best_possible": floor, "seconds": seconds})
            print(rows[-1], flush=True)
        path = RESULTS / "kernels_fit.csv"
        with open(path, newline="") if path.exists() else tempfile.TemporaryFile("w+") as file:
            others = [row for row in csv.DictReader(file) if row["set"] != name]
        save("kernels_fit.csv", sorted(others + rows, key=lambda row: list(SETS).index(row["set"])))


def measure_attacks(crosstalk, folder):
    rows = []
    for name, row_of in (("sines", sine_row), ("rings", ring_row)):
        write_set(f"{folder}/{name}.csv", row_of, 40, 3)
        for seed in range(1, 6):
            for method, labels in (("patom", "uniform"), ("exact", "uniform"), ("exact", "free")):
                record, _ = run([crosstalk, "attack", f"{name}.csv", "--task", "task", "--kernel", "rbf",
                                 "--lambda1", 1e-4, "--lambda2", 1e-3, "--targets", "t0,t1,t2", "--budget", 0.2,
                                 "--schema", "none", "--step", 0.1, "--starts", 3, "--exact-steps", 20,
                                 "--method", method, "--labels", labels, "--seed", seed], folder)
                attack = record["attack"]
                metric = "nmse" if name == "sines" else "auc"
                rows.append({"set": name, "seed": seed, "method": method, "labels": labels,
                             "clean_loss": attack["refit"]["loss"]["clean"],
                             "loss_with_landmarks_held": attack["damage"]["loss"]["attacked"],
                             "loss_of_the_refit": attack["refit"]["loss"]["attacked"],
                             "utility_clean": attack["utility_clean"], "utility_with_landmarks_held": attack["utility"],
                             "metric": metric, "clean": attack["refit"][metric]["clean"],
                             "refit": attack["refit"][metric]["attacked"]})
                print(rows[-1], flush=True)
    save("kernels_attack.csv", rows)


def measure_times(crosstalk, folder):
    draw = random.Random(5)
    with open(f"{folder}/large.csv", "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["task", *(f"x{k}" for k in range(20)), "label"])
        for task in range(TASKS):
            for _ in range(600):
                x = [draw.gauss(0, 1) for _ in range(20)]
                out.writerow([f"t{task}", *x, math.sin(2 * x[0]) * x[1] + 0.1 * draw.gauss(0, 1)])
    words = ["large.csv", "--task", "task", "--test-fraction", 0, "--kernel", "rbf", "--landmarks", 2000,
             "--lambda1", 1e-3, "--lambda2", 1e-2]
    record, seconds = run([crosstalk, "fit", *words], folder)
    rows = [{"what": "fit", "seconds": record["fit"]["seconds"]}, {"what": "the whole command fit", "seconds": seconds}]
    print(record["learner"]["kernel"], rows, flush=True)
    took = {}
    for steps in (0, 4):
        record, _ = run([crosstalk, "attack", *words, "--schema", "none", "--targets", "t0,t1", "--budget", 0.1,
                         "--method", "exact", "--starts", 1, "--iterations", 1, "--step", 0.1, "--exact-steps", steps],
                        folder)
        took[steps] = (record["attack"]["seconds"], record["attack"]["iterations"])
    steps = took[4][1] - took[0][1]
    rows.append({"what": "an iteration of the exact attack", "seconds": (took[4][0] - took[0][0]) / max(steps, 1)})
    print(rows, took, flush=True)
    save("kernels_time.csv", rows)


def main():
    crosstalk = str(Path(sys.argv[1]).resolve())
    wanted = sys.argv[2:] or [*SETS, "attack", "time"]
    with tempfile.TemporaryDirectory() as folder:
        measure_fits(crosstalk, folder, [name for name in SETS if name in wanted])
        if "attack" in wanted:
            measure_attacks(crosstalk, folder)
        if "time" in wanted:
            measure_times(crosstalk, folder)


if __name__ == "__main__":
    main()
