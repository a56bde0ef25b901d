#!/usr/bin/env python3
"""Runs the examples of docs/guide and compares what they print with what the pages show.

    tests/check_guide.py CROSSTALK            # exit code 1 and both texts of each example that prints something else
    tests/check_guide.py CROSSTALK --write    # puts what they print into the pages

An example is an indented line that begins with `$ ` and the indented lines behind it. Line breaks do not count, times
do not, and numbers may differ in their last digits, as they do with another BLAS. protect, verify and reproduce take
minutes and are not run.
"""

import math
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

GUIDE = Path(__file__).resolve().parent.parent / "docs" / "guide"
PAGES = ["fit", "predict", "attack", "audit", "defend", "screen", "certify", "check-gradient", "data", "options"]  # each uses those before it
NEW_ROWS = "shop,visitors,price,sunshine\nharbour,47,4.41,8.7\npark,60,2.10,11.5\n"
NUMBER = re.compile(r"[-+−]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def same(shown, printed):
    """Whether two texts differ in spaces, times and last digits only."""
    shown, printed = (re.sub(r"\d+(?:\.\d+)? s\b", "TIME", " ".join(text.split())) for text in (shown, printed))
    if NUMBER.sub("N", shown) != NUMBER.sub("N", printed):
        return False
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(printed))
    return all(math.isclose(*(float(text.replace("−", "-")) for text in pair), rel_tol=1e-5, abs_tol=1e-3) or pair[0] == pair[1]
               for pair in pairs)


def examples(lines):
    """First line, line behind the last, and command of each example."""
    number = 0
    while number < len(lines):
        first = number
        number += 1
        if not lines[first].startswith("    $ "):
            continue
        command = lines[first][6:]
        while command.endswith("\\"):
            command = command[:-1] + lines[number].strip()
            number += 1
        output = number
        while number < len(lines) and lines[number].startswith("    ") and not lines[number].startswith("    $ "):
            number += 1
            if number + 1 < len(lines) and not lines[number] and lines[number + 1].startswith("    #"):
                number += 1  # an empty line inside of the output
        yield output, number, command


def as_shown(printed):
    for line in printed.rstrip("\n").split("\n"):
        yield from (f"    {part}".rstrip() for part in textwrap.wrap(line, 96, break_long_words=False,
                    break_on_hyphens=False) or [""]) if "  " not in line.strip() else [f"    {line}"]


def main():
    if len(sys.argv) < 2 or sys.argv[2:] not in ([], ["--write"]):
        sys.exit(__doc__)
    command, write = Path(sys.argv[1]).resolve(), bool(sys.argv[2:])
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "bin").mkdir()
        (Path(folder) / "bin" / "crosstalk").symlink_to(command)
        (Path(folder) / "new.csv").write_text(NEW_ROWS)
        environment = dict(os.environ, PATH=f"{folder}/bin:{os.environ['PATH']}", XDG_CACHE_HOME=folder, OMP_NUM_THREADS="1")
        environment.pop("CROSSTALK_DATA", None)
        subprocess.run([sys.executable, GUIDE / "make_shops.py", "shops.csv"], cwd=folder, check=True)
        # More days of the same shops: the rows behind those of shops.csv.
        subprocess.run([sys.executable, GUIDE / "make_shops.py", "longer.csv", "130"], cwd=folder, check=True)
        longer = (Path(folder) / "longer.csv").read_text().splitlines(keepends=True)
        (Path(folder) / "today.csv").write_text(longer[0] + "".join(longer[961:]))
        for page in PAGES:
            path = GUIDE / f"{page}.md"
            lines = path.read_text(encoding="utf-8").split("\n")
            new, done = [], 0
            for first, last, example in examples(lines):
                run = subprocess.run(example, shell=True, cwd=folder, env=environment, capture_output=True, text=True)
                printed = run.stdout if run.returncode == 0 else run.stderr
                shown = "\n".join(lines[first:last])
                new += lines[done:first]
                if same(shown, printed):
                    new += lines[first:last]
                else:
                    faults += 1
                    new += as_shown(printed)
                    print(f"{path.name}: {example}\n--- the page shows\n{textwrap.dedent(shown)}\n--- printed\n{printed}")
                done = last
            new += lines[done:]
            if write:
                path.write_text("\n".join(new), encoding="utf-8")
    print(f"{faults} examples print something else" + (", now in the pages" if write and faults else ""))
    sys.exit(1 if faults and not write else 0)


if __name__ == "__main__":
    main()
