#!/usr/bin/env python3
"""Whether rows that were placed against MTRL hurt other models: experiments/results/transfer.csv.

    experiments/transfer.py CROSSTALK OUT.csv [SET ...]

For every set and every learner of examples/victims it calls `crosstalk audit SET --victim ...` and reads run.json: the
mean primary metric of the tasks under attack for MTRL and for the other model, learned from the clean rows, and with
30 % injected rows at random, by PATOM, by the exact attack, and by the exact attack after `defend`. It needs
python3-sklearn and the sets below CROSSTALK_DATA.
"""

import csv
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

VICTIMS = Path(__file__).resolve().parent.parent / "examples" / "victims"
PYTHON = f"OMP_NUM_THREADS=1 {sys.executable} {VICTIMS}/table_learner.py"
LEARNERS = ["ridge", "boosting", "network"]
TASK_COLUMN = {"sarcos": "task", "landmine": "task", "parkinsons": "subject#", "student": "course", "movielens": "userId"}
COLUMNS = ["set", "kind", "metric", "model", "clean", "random", "patom", "exact", "exact, after defend", "failures"]


def mean(run, model, targets, metric):
    if run is None or run[model] is None:
        return None
    values = [run[model]["tasks"][task][metric] for task in targets]
    values = [value for value in values if value is not None]
    return statistics.fmean(values) if values else None


def rows_of(name, learner, record):
    audit = record["audit"]
    runs = {run["run"]: run for run in audit["own_model"]}
    metric = "auc" if "auc" in audit["clean"]["test"]["mean"] else "nmse"
    failures = sum("failure" in run for run in runs.values())
    kinds = {}
    for number, scenario in enumerate(audit["scenarios"], 1):
        kinds.setdefault(scenario["kind"], []).append((number, scenario["targets"]))
    for kind, scenarios in kinds.items():
        for model, key in (("MTRL", "mtrl"), (learner, "your_model")):
            row = [name, kind, metric, model]
            for state in ("clean", "random", "patom", "exact", "defended"):
                values = []
                for number, targets in scenarios:
                    run = runs.get("clean" if state == "clean" else f"scenario-{number}-{state}")
                    values.append(mean(run, key, targets, metric))
                row.append("nan" if None in values else f"{statistics.fmean(values):.4g}")
            yield row + [failures]


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    program, out = sys.argv[1:3]
    with open(out, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for name in sys.argv[3:] or TASK_COLUMN:
            seen = set()
            for learner in LEARNERS:
                command = f"{PYTHON} {learner} --task '{TASK_COLUMN[name]}' {{train}} {{test}} {{predictions}}"
                with tempfile.TemporaryDirectory() as folder:
                    done = subprocess.run([program, "audit", name, "--budgets", "0.3", "--repeats", "1", "--quiet",
                                           "--victim", command, "--jobs", "1", "--out", folder], text=True,
                                          capture_output=True)
                    print(name, learner, "exit status", done.returncode, done.stderr.strip()[:300], flush=True)
                    if not (Path(folder) / "run.json").exists():
                        continue
                    record = json.loads((Path(folder) / "run.json").read_text(encoding="utf-8"))
                for row in rows_of(name, learner, record):
                    if row[3] == "MTRL":  # the same beside every learner
                        if (name, row[1]) in seen:
                            continue
                        seen.add((name, row[1]))
                    table.writerow(row)
                file.flush()


if __name__ == "__main__":
    main()
