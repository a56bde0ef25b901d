#!/usr/bin/env bash
# What takes longer than the tests: clang-tidy, ThreadSanitizer, fuzzing, injected faults, the library as a shared one.
# A line each at the end.
#   tests/check_all.sh [PART]...      tidy, tsan, fuzz, faults, shared; all of them when none is named
#   TIDY=all                          clang-tidy on every file; else on those that differ from BASE (main), if any do
#   FUZZ_SECONDS=60                   for each reader
#   CROSSTALK_INJECTED_FAULTS=500     allocations of each command that fail
set -u
cd "$(dirname "$0")/.."
jobs=${JOBS:-$(nproc)}
summary=""
failed=0

done_with() {  # NAME STATUS LINE
  summary="$summary$(printf '%-7s %-7s %s' "$1" "$([ "$2" = 0 ] && echo passed || echo FAILED)" "$3")
"
  [ "$2" = 0 ] || failed=1
}

tidy() {
  local files="" base log=build/tidy/tidy.log
  cmake --preset tidy >/dev/null || { done_with tidy 1 "cannot be configured"; return; }
  base=${BASE:-main}
  if [ "${TIDY:-changed}" != all ] && base=$(git merge-base HEAD "$base" 2>/dev/null); then
    files=$(git diff --name-only --diff-filter=d "$base" -- 'src/*.cpp' 'apps/*.cpp' | grep -v network)
  fi
  [ -n "$files" ] || files=$(git ls-files 'src/*.cpp' 'apps/*.cpp' | grep -v network)
  printf '%s\n' $files | xargs -P "$jobs" -n 1 nice -n 10 clang-tidy -p build/tidy --quiet >"$log" 2>/dev/null
  local status=$?
  grep -E 'warning:|error:' "$log" | sort -u
  done_with tidy "$status" "$(printf '%s\n' $files | wc -l) files, $(grep -E 'warning:|error:' "$log" | sort -u | wc -l) findings"
}

# PART COMMAND...: the last line that the command prints is its summary.
run() {
  local part=$1 log=build/check-$1.log
  shift
  mkdir -p build
  "$@" 2>&1 | tee "$log"
  done_with "$part" "${PIPESTATUS[0]}" "$(grep "^$part: " "$log" | tail -n 1)"
}

for part in ${*:-tidy tsan fuzz faults shared}; do
  case "$part" in
    tidy) tidy ;;
    tsan | fuzz | faults) run "$part" make --no-print-directory "$part" ;;
    shared) run shared tests/package/shared.sh "$PWD/build/shared" "$PWD" ;;
    *) echo "check_all.sh: unknown part \"$part\"; known: tidy, tsan, fuzz, faults, shared" >&2; exit 2 ;;
  esac
done
printf '\n%s' "$summary"
exit "$failed"
