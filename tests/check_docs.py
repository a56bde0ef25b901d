#!/usr/bin/env python3
"""Checks the documents: every Markdown file that git tracks, and the documents that comments in the code cite.

    tests/check_docs.py            # exit code 1 and a line for each fault
    tests/check_docs.py --write    # also puts examples/cpp/learn.cpp into the README and the CSV files into the tables

- Relative links lead to a file that git tracks (or a folder of such), their anchors to a heading.
- Lines end at 100 columns, except in tables, code, and where a link's address makes them longer.
- Documents use today's words (docs/glossary.md), and British spelling.
- The program in the README is examples/cpp/learn.cpp.
- The tables of docs/results are up to date with their CSV files.
- A document that a comment in the code names is there.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 100
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
CODE_SPAN = re.compile(r"`[^`]*`")
OLD_WORDS = re.compile(r"\b(thief|thieves|planted|planting|without looking|twins?|passes over the data)\b", re.IGNORECASE)
AMERICAN = re.compile(r"\b(?:behavior|center)|\b\w*(?:color|neighbor|normaliz|optimiz|standardiz|regulariz|"
                      r"summariz|minimiz|maximiz|initializ|analyz|license[ds]?\b|gray)\w*\b", re.IGNORECASE)
CITED = re.compile(r"(?://|#|\*).*?\b((?:docs|experiments|benchmarks)/[\w/]+\.md)")
# This page is being rewritten; take it out of the list when that is done.
LINKS_ALONE = {"docs/defence.md"}


def tracked():
    """The files that git tracks or would; outside of a checkout all files."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                            capture_output=True, text=True)
    if listed.returncode != 0:
        return [path for path in ROOT.rglob("*") if path.is_file() and "build" not in path.relative_to(ROOT).parts]
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def outside_code(text):
    """Lines with their numbers, without fenced and indented code; tables are among them."""
    fenced, after_blank, in_code, in_list = False, True, False, False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            fenced = not fenced
            continue
        if fenced:
            continue
        blank = not line.strip()
        if re.match(r"([-*]|\d+\.) ", line):
            in_list = True
        elif not blank and not line.startswith(" "):
            in_list = False
        indent = 6 if in_list else 4
        in_code = line.startswith(" " * indent) and (in_code or after_blank)
        after_blank = blank
        if not in_code:
            yield number, line


def anchors(text):
    """The anchors of a page's headings, as GitHub makes them."""
    found = set()
    for _, line in outside_code(text):
        if line.startswith("#"):
            words = re.sub(r"[^\w\- ]", "", CODE_SPAN.sub(lambda m: m[0][1:-1], line.lstrip("#").strip()).lower())
            found.add(words.replace(" ", "-"))
    return found


def link_faults(path, text, files):
    for number, line in outside_code(text):
        for target in LINK.findall(line):
            if re.match(r"\w+:", target):
                continue
            name, _, anchor = target.partition("#")
            to = (path.parent / name).resolve() if name else path
            if to not in files and not any(to in file.parents for file in files):
                yield number, f"{target} leads nowhere"
            elif anchor and to.suffix == ".md" and anchor not in anchors(to.read_text(encoding="utf-8")):
                yield number, f"{target}: no such heading"


def prose_faults(path, text):
    if str(path.relative_to(ROOT)) in LINKS_ALONE:
        return
    in_title = False  # of a paper: its words are its own
    for number, line in outside_code(text):
        in_title = bool(re.match(r"(- )?\[\w+\] ", line)) or (in_title and line.startswith("  "))
        words = "" if in_title else CODE_SPAN.sub("", LINK.sub("", line))
        if len(re.sub(r"\]\(\S*\)|https?:\S*", "", line)) > WIDTH and not line.startswith("|"):
            yield number, f"{len(line)} columns, at most {WIDTH}"
        for pattern, what in ((OLD_WORDS, "an old word (docs/glossary.md)"), (AMERICAN, "American spelling")):
            if found := pattern.search(words):
                yield number, f"\"{found[0]}\" is {what}"


def program(write):
    """The README's first C++ program is the first example."""
    readme, example = ROOT / "README.md", (ROOT / "examples" / "cpp" / "learn.cpp").read_text(encoding="utf-8")
    text = readme.read_text(encoding="utf-8")
    before, fence, rest = text.partition("```cpp\n")
    shown, end, after = rest.partition("```\n")
    if fence and end and shown == example:
        return
    if not write:
        yield "README.md: the program is not examples/cpp/learn.cpp; see tests/check_docs.py --write"
        return
    readme.write_text(f"{before}{fence}{example}{end}{after}", encoding="utf-8")


def main():
    if sys.argv[1:] not in ([], ["--write"]):
        sys.exit(__doc__)
    write = bool(sys.argv[1:])
    faults = list(program(write))
    tables = [sys.executable, ROOT / "docs" / "results" / "make_tables.py"] + ([] if write else ["--check"])
    made = subprocess.run(tables, capture_output=True, text=True)
    if made.returncode != 0:
        faults.append(made.stderr.strip())
    files = set(tracked())
    for path in sorted(files):
        name = path.relative_to(ROOT)
        if path.suffix == ".md":
            text = path.read_text(encoding="utf-8")
            for number, fault in [*link_faults(path, text, files), *prose_faults(path, text)]:
                faults.append(f"{name}:{number}: {fault}")
        elif path.suffix in {".cpp", ".hpp", ".py", ".sh", ".txt", ".cmake"} and "corpus" not in name.parts:
            for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
                for cited in CITED.findall(line):
                    if ROOT / cited not in files:
                        faults.append(f"{name}:{number}: {cited} is not there")
    for fault in faults:
        print(fault)
    print(f"{sum(path.suffix == '.md' for path in files)} documents, {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
