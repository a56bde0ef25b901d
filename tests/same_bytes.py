#!/usr/bin/env python3
"""Runs the same commands with two builds of crosstalk and compares every file, stdout and exit status.

For changes that must not change behaviour: names, moved files, other arrangement. Times are left out of records.
    tests/same_bytes.py OLD_CROSSTALK NEW_CROSSTALK [--only WORD]
Known sets are read from $CROSSTALK_DATA; the runs that need them are left out, with a line, when it is not set.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TABLE = ["ratings.csv", "--task", "shop", "--label", "stars"]
LAMBDAS = ["--lambda1", "0.01", "--lambda2", "0.05"]
RUNS = {
    "fit": ["fit", *TABLE, "--cv", "--json"],
    "predict": ["predict", "fit/model.json", "ratings.csv"],
    "patom": ["attack", *TABLE, *LAMBDAS, "--attackers", "s0,s1", "--budget", "0.3"],
    "exact": ["attack", *TABLE, *LAMBDAS, "--method", "exact", "--budget", "0.2"],
    "check": ["check-gradient", *TABLE, *LAMBDAS],
    "audit": ["audit", *TABLE, *LAMBDAS, "--budgets", "0.1,0.3", "--iterations", "10", "--defence", "trim"],
    "audit-words": ["audit", "words.csv", "--task", "shop", "--label", "kind", "--budgets", "0.2", "--iterations", "5"],
    "defend": ["defend", *TABLE, *LAMBDAS],
    "reproduce": ["reproduce", "patom", "--only", "figure1", "--seeds", "1"],
    "lsp": ["protect", "garments-3", "--images", "300", "--method", "lsp"],
    "tap": ["protect", "garments-3", "--images", "300", "--method", "tap", "--epochs", "1"],
    "verify": ["verify", "garments-3", "--images", "300", "--protected", "lsp", "--epochs", "1"],
    "panel": ["verify", "garments-3", "--images", "300", "--protected", "lsp", "--panel", "quick", "--groups", "leaks",
              "--epochs", "1", "--jobs", "1"],
}
NEEDS_SETS = {"reproduce"}


def write_tables(folder):
    draw = random.Random(1)
    lines, words = ["shop,stars,size,light,age,colour"], ["shop,kind,size,light"]
    for shop in range(6):
        law = [draw.gauss(1, 1), draw.gauss(-1, 1), draw.gauss(0, 1)]
        for _ in range(40):
            x = [draw.gauss(0, 1 + k) for k in range(3)]
            y = sum(a * b for a, b in zip(law, x)) + draw.gauss(0, 0.3)
            lines.append(f"s{shop},{y:.4f}," + ",".join(f"{v:.4f}" for v in x) + "," + draw.choice(["red", "blue"]))
            words.append(f"s{shop},{'ham' if y > 0 else 'spam'},{x[0]:.4f},{x[1]:.4f}")
    (folder / "ratings.csv").write_text("\n".join(lines) + "\n")
    (folder / "words.csv").write_text("\n".join(words) + "\n")


def without_times(value):
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items()
                if k not in ("timings", "seconds", "differences_seconds", "learning_seconds", "peak_mb", "report_file", "version")}
    return [without_times(v) for v in value] if isinstance(value, list) else value


def comparable(name, content):
    if name.endswith(".json") or name == "stdout":
        try:
            return json.dumps(without_times(json.loads(content))).encode()
        except ValueError:
            pass
    if name == "gradients.csv":
        content = re.sub(rb",[^,\n]*$", b"", content, flags=re.M)  # seconds
    return re.sub(rb"[0-9.]+ (s|MB|min)\b|[0-9.]+$", b"N", content, flags=re.M) if name in ("stdout", "stderr") else content


def results_of(program, only):
    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_tables(folder)
        for run, words in RUNS.items():
            if only and only not in run:
                continue
            if run in NEEDS_SETS and "CROSSTALK_DATA" not in os.environ:
                print(f"same_bytes: {run} left out: CROSSTALK_DATA is not set", file=sys.stderr)
                continue
            done = subprocess.run([program, *words, "--out", run, "--quiet"], cwd=folder, capture_output=True)
            found[f"{run}: exit status"] = str(done.returncode).encode()
            found[f"{run}: stdout"] = comparable("stdout", done.stdout)
            found[f"{run}: stderr"] = comparable("stderr", done.stderr)
            for file in sorted((folder / run).rglob("*")):
                if file.is_file():
                    found[f"{run}: {file.relative_to(folder / run)}"] = comparable(file.name, file.read_bytes())
    return found


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("old", type=os.path.abspath)
    arguments.add_argument("new", type=os.path.abspath)
    arguments.add_argument("--only", default="", help="only runs whose name has this in it")
    wanted = arguments.parse_args()
    old, new = results_of(wanted.old, wanted.only), results_of(wanted.new, wanted.only)
    other = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    for name in other:
        print(name, "" if name in old else "(new)", "" if name in new else "(gone)")
    failed = [name for name in old if name.endswith("exit status") and old[name] != b"0"]
    print(f"same_bytes: {len(old) - len(other)} of {len(old)} alike; runs that failed: {failed or 'none'}")
    return 1 if other else 0


if __name__ == "__main__":
    sys.exit(main())
