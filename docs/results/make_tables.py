#!/usr/bin/env python3
"""Writes the tables of docs/results/*.md from the CSV files in experiments/results.

    docs/results/make_tables.py            # writes the tables into the pages
    docs/results/make_tables.py --check    # exit code 1 and the name of each page that is not up to date

A page names a table by two comments; whatever stands between them is replaced:

    <!-- table: raw_files -->
    <!-- end -->

TABLES says which CSV file a table is made of and how its columns are shown. A new table needs an entry there and the
two comments in a page. Python's standard library is all that it needs.
"""

import csv
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent.parent / "experiments" / "results"


def text(value, row):
    return value.replace("|", "\\|")


def significant(digits):
    def shown(value, row):
        return "" if value in ("", "nan") else f"{float(value):.{digits}g}"

    return shown


def decimals(digits, sign=""):
    def shown(value, row):
        return "" if value in ("", "nan") else f"{float(value):{sign}.{digits}f}"

    return shown


def whole(value, row):
    return f"{int(float(value)):,}"


def per_cent_of_itself(value, row):
    """A number that already is in per cent, with its sign."""
    return f"{float(value):+.1f} %"


def per_cent(value, row):
    """A share as a change in per cent."""
    return "" if value in ("", "nan") else f"{100 * float(value):+.0f} %"


def share(value, row):
    """A share in per cent, without a sign."""
    return "" if value in ("", "nan") else f"{100 * float(value):.3g} %"


def rise_with_interval(value, row):
    """A mean over seeds as a change in per cent, with its interval."""
    numbers = [f"{100 * float(number):+.3g}" for number in (value, row["low"], row["high"])]
    return f"{numbers[0]} % ({numbers[1]} to {numbers[2]})"


def with_interval(value, row):
    """A number of claims.csv with its 95 % interval, in the unit of its row."""
    shown = {"iterations": "{:.1f}", "AUC": "{:.3f}", "correlation": "{:.3f}"}.get(row["unit"])
    numbers = [float(number) * (1 if shown else 100) for number in (value, row["low"], row["high"])]
    parts = [(shown or "{:.1f}").format(number) for number in numbers]
    unit = "" if shown else " %"
    return f"{parts[0]}{unit}" if row["low"] == "nan" else f"{parts[0]}{unit} ({parts[1]} to {parts[2]})"


def figure(value, row):
    """The figure of a claim; a reading of the paper beside the usual one is named."""
    return value if row["reading"] == "as in the figures" else f"{value}, {row['reading']}"


FOUR = significant(4)
THREE = decimals(3)
CLAIMS = [("figure", "", figure), ("set", "", text), ("claim", "", text), ("paper", "", text),
          ("ours", "ours (95 % interval)", with_interval), ("unit", "", text), ("verdict", "", text),
          ("in detail", "", text)]
METHODS = [("set", "", text), ("attack", "", text), ("method", "", text), ("metric, clean", "", THREE),
           ("random rows", "", THREE), ("attacked", "", THREE), ("low", "", THREE), ("high", "", THREE),
           ("utility over clean", "", decimals(2)), ("draws", "", whole)]

# name of the table: CSV file, and for each column its name there, its heading and how it is shown.
# Where the two names are the same the heading is left out. Then, where a table has some of the rows: which.
TABLES = {
    "raw_files": ("raw_files.csv", [
        ("set", "", text), ("rows", "", whole), ("tasks", "", whole), ("metric", "", text),
        ("crosstalk", "crosstalk, raw file", FOUR), ("per task", "", FOUR), ("pooled", "", FOUR),
        ("crosstalk worse, %", "worse than the better", per_cent_of_itself),
        ("one task", "crosstalk, one task", FOUR), ("one task worse, %", "worse than pooled", per_cent_of_itself),
        ("pooled, task", "", FOUR)]),
    "raw_files_said": ("raw_files.csv", [
        ("set", "", text), ("trouble", "what the file was like", text), ("said", "what `fit` said about it", text)]),
    "raw_files_reasons": ("raw_files_reasons.csv", [
        ("set", "", text), ("pooled", "", FOUR), ("pooled, tasks weigh the same", "", FOUR), ("pooled Ridge", "", FOUR),
        ("crosstalk on what Ridge leaves", "", FOUR)]),
    "patom_claims": ("patom/claims.csv", CLAIMS),
    "patom_claims_cross_validated": ("patom/claims-cross-validated.csv", CLAIMS),
    "patom_methods": ("patom/methods.csv", METHODS),
    "patom_methods_cross_validated": ("patom/methods-cross-validated.csv", METHODS),
    "patom_sets": ("patom/sets.csv", [
        ("set", "", text), ("tasks", "", whole), ("training rows", "", whole), ("test rows", "", whole),
        ("metric", "", text), ("lambda1 by cross-validation", "", significant(1)),
        ("lambda2 by cross-validation", "", significant(1))]),
    "patom_readings_sarcos": ("patom/readings.csv", [
        ("reading", "", text), ("clean metric", "NMSE clean", THREE), ("harm, direct", "direct", per_cent),
        ("harm, indirect", "indirect", per_cent), ("harm, random rows", "random rows", per_cent),
        ("clean correlation of 2 and 3", "2-3 clean", THREE), ("under hybrid 1", "hybrid 1", THREE),
        ("hybrid 2", "", THREE), ("hybrid 3", "", THREE)], lambda row: row["set"] == "sarcos"),
    "patom_readings_landmine": ("patom/readings.csv", [
        ("reading", "", text), ("clean metric", "AUC clean", THREE), ("harm, direct", "fall, direct", THREE),
        ("harm, indirect", "indirect", THREE), ("harm, random rows", "random rows", THREE)],
        lambda row: row["set"] == "landmine"),
    "accounts": ("accounts_summary.csv", [
        ("set", "", text), ("rows each", "", whole), ("share", "share of accounts", share), ("accounts", "", whole),
        ("method", "", text), ("seeds", "", whole), ("metric", "", text), ("clean", "", THREE), ("attacked", "", THREE),
        ("rise", "rise of the loss (95 % interval)", rise_with_interval), ("verdict", "", text)]),
    "accounts_relation": ("accounts_summary.csv", [
        ("rows each", "", whole), ("share", "share of accounts", share), ("method", "", text),
        ("relation clean", "error, clean", THREE), ("relation", "error, attacked", THREE)],
        lambda row: row["set"] == "synthetic"),
    "accounts_found": ("accounts_found.csv", [
        ("share", "share of accounts", share), ("accounts", "", whole), ("method", "", text),
        ("leave-one-out auc", "AUC", THREE)], lambda row: row["leave-one-out auc"] != "nan"),
    "kernels_fit": ("kernels_fit.csv", [
        ("set", "", text), ("kernel", "", text), ("training_rows", "training rows", whole),
        ("landmarks", "", text), ("width", "", THREE), ("nmse", "NMSE", THREE), ("rmse", "RMSE", FOUR),
        ("auc", "AUC", FOUR), ("accuracy", "", FOUR), ("best_possible", "best possible", FOUR),
        ("seconds", "", significant(2))]),
    "kernels_attack": ("kernels_attack.csv", [
        ("set", "", text), ("seed", "", whole), ("method", "", text), ("labels", "", text),
        ("clean_loss", "loss, clean", THREE), ("loss_with_landmarks_held", "landmarks held", THREE),
        ("loss_of_the_refit", "refit", THREE), ("metric", "", text), ("clean", "", THREE), ("refit", "metric, refit", THREE)]),
    "screen": ("screen.csv", [
        ("law", "", text), ("attack", "injected rows", text), ("injected share", "their share", share),
        ("reference", "", text), ("rejected", "rejected rows", share),
        ("batches with a rejection", "", share), ("power", "injected rows found", share),
        ("false discovery proportion", "honest among the rejected", share), ("tasks found", "", share),
        ("honest tasks rejected", "", share)], lambda row: row["dependence"] == "positive"),
    "screen_real": ("screen_real.csv", [
        ("set", "", text), ("draw", "", whole), ("trusted", "", whole), ("new", "", whole), ("rejected", "", whole),
        ("found", "false labels found", share), ("honest rejected", "", whole)],
        lambda row: row["reference"] == "all" and float(row["false labels"]) > 0.0),
    "channels_utkface": ("channels_utkface.csv", [
        ("method", "", text), ("channels", "", text), ("countermeasure", "", text), ("age", "", THREE),
        ("race", "", THREE), ("gender", "", THREE), ("mean", "", THREE),
        ("majority_baseline", "majority baseline", THREE)]),
    "grey_noise_utkface": ("grey_noise_utkface.csv", [
        ("learned_through", "images, noise learned through", text), ("learner", "", text), ("age", "", THREE),
        ("race", "", THREE), ("gender", "", THREE), ("mean", "", THREE),
        ("majority_baseline", "majority baseline", THREE), ("left", "left of what can be learned", decimals(2))]),
    "agreement_utkface": ("agreement_utkface.csv", [
        ("images", "", text), ("learner", "", text), ("verify", "", THREE), ("independent", "", THREE),
        ("difference", "", decimals(3, "+")), ("majority_baseline", "majority baseline", THREE),
        ("left_verify", "left by verify", decimals(2)), ("left_independent", "left, independent", decimals(2))]),
    "transfer": ("transfer.csv", [
        ("set", "", text), ("kind", "", text), ("metric", "", text), ("model", "", text), ("clean", "", THREE),
        ("random", "random rows", THREE), ("patom", "PATOM", THREE), ("exact", "exact attack", THREE),
        ("exact, after defend", "after `defend`", THREE)]),
    "photo_speed": ("photo_speed.csv", [
        ("format", "", text), ("level", "level or quality", whole), ("photos", "", whole),
        ("cpu_seconds_a_photo", "CPU s a photo", text), ("wall_seconds_a_photo", "wall s a photo", text),
        ("megabytes_a_photo", "MB a photo", text), ("largest_change", "largest change", whole),
        ("change_999", "99.9 % at most", whole), ("psnr", "PSNR, dB", text)]),
    "photo_folder": ("photo_folder.csv", [
        ("kind", "original", text), ("photos", "", whole), ("largest_change", "largest change", whole),
        ("upright", "", whole), ("with_profile", "with a profile", whole), ("with_exif", "with EXIF", whole)]),
    "photo_sizes": ("photo_sizes.csv", [
        ("method", "", text), ("side", "learner's side", whole), ("clean", "", THREE), ("protected", "", THREE),
        ("majority_baseline", "majority baseline", THREE)]),
}


def table(name):
    file, columns, *wanted = TABLES[name]
    with open(RESULTS / file, newline="", encoding="utf-8") as source:
        rows = [row for row in csv.DictReader(source) if all(keep(row) for keep in wanted)]
    lines = ["| " + " | ".join(heading or column for column, heading, _ in columns) + " |",
             "|" + "|".join("---" if shown in (text, figure) else "---:" for _, _, shown in columns) + "|"]
    lines += ["| " + " | ".join(shown(row[column], row) for column, _, shown in columns) + " |" for row in rows]
    return "\n".join(lines)


def up_to_date(page):
    def filled(match):
        return f"{match[1]}\n{table(match[2])}\n<!-- end -->"

    return re.sub(r"(<!-- table: (\S+) -->)\n(?:.*?\n)??<!-- end -->", filled, page, flags=re.DOTALL)


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    stale = []
    for path in sorted(HERE.glob("*.md")):
        page = path.read_text(encoding="utf-8")
        new = up_to_date(page)
        if new == page:
            continue
        stale.append(path.name)
        if not check:
            path.write_text(new, encoding="utf-8")
            print(f"{path.name}: tables written")
    if check and stale:
        sys.exit(f"not up to date with experiments/results: {', '.join(stale)}; run docs/results/make_tables.py")


if __name__ == "__main__":
    main()
