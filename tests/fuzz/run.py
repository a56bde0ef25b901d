#!/usr/bin/env python3
"""Fuzzes the readers, one after the other, and says what came of it.

    tests/fuzz/run.py --programs build/fuzz/tests/fuzz [--seconds 60] [--record] [READER ...]

What libFuzzer finds out is kept beside the programs in work/READER and used again. An input that makes a reader fail
lies in findings/ and ends the run of that reader. --record appends a line a reader to tests/fuzz/runs.csv and makes the
table in docs/reliability.md from it. The exit status is 1 when there are findings.
"""
import argparse
import csv
import datetime
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
RUNS = HERE / "runs.csv"
DOCUMENT = HERE.parent.parent / "docs" / "reliability.md"
FIELDS = ["date", "reader", "seconds", "executions", "inputs", "edges", "findings"]

SECONDS_AN_INPUT = 10
MEMORY_MB = 2048
# Dictionary and longest input. What is not named here is binary, without a dictionary and up to BINARY bytes.
BINARY = 8192
SETTINGS = {
    "csv": ("csv", 4096), "svmlight": ("svmlight", 4096), "npy": ("npy", 1024), "npz": ("npy", BINARY),
    "map": ("npy", BINARY), "label_table": ("table", 4096), "schema": ("table", 2048), "prices": ("table", 2048),
    "rows": ("table", 4096), "model": ("json", 8192), "record": ("json", 4096), "config": ("toml", 4096),
    "parts_mark": ("json", 2048), "audit_part": ("json", 4096), "reproduction_part": ("json", 4096),
}


def readers():
    return sorted(folder.name for folder in (HERE / "corpus").iterdir())


def fuzz(programs, reader, seconds):
    work = programs / "work" / reader
    findings = programs / "findings"
    temporary = programs / "work" / "tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    for folder in (work, findings, temporary):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(findings.iterdir())
    dictionary, longest = SETTINGS.get(reader, (None, BINARY))
    words = [programs / f"fuzz_{reader}", work, HERE / "corpus" / reader, f"-max_total_time={seconds}",
             f"-max_len={longest}", f"-timeout={SECONDS_AN_INPUT}", f"-rss_limit_mb={MEMORY_MB}",
             f"-artifact_prefix={findings}/{reader}-", "-print_final_stats=1", "-verbosity=1", "-close_fd_mask=1"]
    if dictionary:
        words.append(f"-dict={HERE / 'dictionaries' / (dictionary + '.dict')}")
    environment = dict(os.environ, TMPDIR=str(temporary), OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    log = programs / "work" / f"{reader}.log"
    start = time.monotonic()
    with open(log, "wb") as file:
        status = subprocess.run(["nice", "-n", "10", *map(str, words)], stderr=file, env=environment).returncode
    text = log.read_text(errors="replace")
    found = sorted(set(findings.iterdir()) - before)
    number = re.search(r"stat::number_of_executed_units:\s*(\d+)", text)
    progress = re.findall(r"^#(\d+).*?cov: (\d+).*?corp: (\d+)", text, re.M)
    row = {
        "date": datetime.date.today().isoformat(), "reader": reader, "seconds": round(time.monotonic() - start),
        "executions": int(number.group(1)) if number else (int(progress[-1][0]) if progress else 0),
        "inputs": int(progress[-1][2]) if progress else 0, "edges": int(progress[-1][1]) if progress else 0,
        "findings": max(len(found), 1 if status != 0 else 0),
    }
    print(f"{reader:<18} {row['executions']:>9} executions {row['edges']:>6} edges  {row['findings']} findings", flush=True)
    if status != 0:
        error = re.search(r"(ERROR: .*|SUMMARY: .*|runtime error: .*|terminate called.*\n.*what.*)", text)
        print(f"  {error.group(1) if error else 'exit status ' + str(status)}; {log}")
        for file in found:
            print(f"  {file}")
    return row


def append(row):
    is_new = not RUNS.exists()
    with open(RUNS, "a", newline="") as file:
        table = csv.DictWriter(file, FIELDS, lineterminator="\n")
        if is_new:
            table.writeheader()
        table.writerow(row)


def write_table():
    with open(RUNS, newline="") as file:
        runs = list(csv.DictReader(file))
    lines = ["| reader | minutes | executions | edges reached | inputs kept | findings |", "|---|---:|---:|---:|---:|---:|"]
    total = [0, 0, 0]
    for reader in readers():
        mine = [run for run in runs if run["reader"] == reader]
        if not mine:
            continue
        sums = [sum(int(run[field]) for run in mine) for field in ("seconds", "executions", "findings")]
        total = [a + b for a, b in zip(total, sums)]
        lines.append(f"| {reader} | {sums[0] / 60:.1f} | {sums[1]:,} | {int(mine[-1]['edges']):,} | "
                     f"{int(mine[-1]['inputs']):,} | {sums[2]} |")
    lines.append(f"| all | {total[0] / 60:.1f} | {total[1]:,} | | | {total[2]} |")
    text = DOCUMENT.read_text()
    begin, end = "<!-- fuzz: made by tests/fuzz/run.py --record -->\n", "<!-- end -->"
    first = text.index(begin) + len(begin)
    DOCUMENT.write_text(text[:first] + "\n".join(lines) + "\n" + text[text.index(end, first):])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("readers", nargs="*")
    options = parser.parse_args()
    rows = []
    for reader in options.readers or readers():
        rows.append(fuzz(options.programs.absolute(), reader, options.seconds))
        if options.record:
            append(rows[-1])
    if options.record:
        write_table()
    findings = sum(row["findings"] for row in rows)
    print(f"fuzz: {len(rows)} readers, {sum(row['executions'] for row in rows)} executions, {findings} findings")
    sys.exit(1 if findings else 0)


main()
