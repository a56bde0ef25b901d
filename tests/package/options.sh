#!/bin/sh
# docs/options.md and examples/crosstalk.toml are what the command writes, and the command reads the file back.
#   options.sh CROSSTALK SOURCE_FOLDER
set -eu
crosstalk=$1
source=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$crosstalk" options --format markdown | diff - "$source/docs/options.md"
"$crosstalk" options --format toml | diff - "$source/examples/crosstalk.toml"
# Every key that has a default, set to it: the same run as without.
grep -v '""$' "$source/examples/crosstalk.toml" | sed 's/^#\([a-z][a-z0-9-]* = \)/\1/' |
  grep -v -e '^out = ' -e '^json = ' -e '^quiet = ' >"$folder/all.toml"
cd "$folder"
shops="$source/examples/cpp/shops.csv --task shop --label sales"
for command in fit defend; do
  "$crosstalk" $command $shops --quiet --json --out out | grep -v -e seconds -e peak_mb >plain.json
  "$crosstalk" $command $shops --quiet --json --out out --config all.toml | grep -v -e seconds -e peak_mb >set.json
  diff plain.json set.json
done
