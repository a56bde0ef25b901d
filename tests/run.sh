#!/usr/bin/env bash
# Builds command and tests (AddressSanitizer, UBSan, warnings as errors), runs every test, and ends in ctest's summary.
set -eu
cd "$(dirname "$0")/.."
jobs=${1:-$(nproc)}
# Real data sets in a folder `data` of a sibling of this checkout are found on their own; without any, their tests skip.
if [ -z "${CROSSTALK_DATA:-}" ]; then
  for folder in ../*/data; do
    if [ -f "$folder/landmine/LandmineData.mat" ]; then CROSSTALK_DATA=$(cd "$folder" && pwd); export CROSSTALK_DATA; fi
  done
fi
cmake --preset debug >/dev/null
cmake --build --preset debug -j "$jobs"
ctest --test-dir build/debug --output-on-failure -j "$jobs"
