#!/usr/bin/env bash
# Runs the tests of what runs on several threads, and the command on four threads, under ThreadSanitizer.
#   tests/threads/run.sh build/tsan
set -eu
build=$(cd "$1" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Archer tells ThreadSanitizer how OpenMP orders its threads. OpenBLAS is not instrumented and stays on one thread.
for library in /usr/lib/llvm-*/lib/libarcher.so; do [ ! -f "$library" ] || export OMP_TOOL_LIBRARIES="$library"; done
[ -n "${OMP_TOOL_LIBRARIES:-}" ] || echo "tsan: no libarcher; OpenMP's own synchronisation will be reported" >&2
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 TSAN_OPTIONS="ignore_noninstrumented_modules=1 exitcode=66 ${TSAN_OPTIONS:-}"
grep -q ' avx2 ' /proc/cpuinfo && export OPENBLAS_CORETYPE=Haswell

part() {
  local name=$1
  shift
  if "$@" >"$folder/log" 2>&1; then
    echo "tsan: $name: no race"
  else
    cat "$folder/log"
    echo "tsan: $name: failed"
    failed=$((failed + 1))
  fi
  parts=$((parts + 1))
}
failed=0
parts=0

part "tests" "$build/tests/threads/threads_test" --gtest_filter='ParallelFor.*:CrossValidate.DoesNotDependOnTheThreads:ExactAttack.DoesNotDependOnTheThreads:Audit.GivesTheSameBytesForOneAndFourThreads:Reproduction.DoesNotDependOnTheNumberOfThreads:Method.TheSameSeedGivesTheSameBytesForAnyThreadsAndBatches:FolderSet.*'

cd "$folder"
awk 'BEGIN { srand(7); print "shop,stars,a,b"; for (i = 0; i < 48; ++i) { a = rand(); b = rand();
  printf "%s,%f,%f,%f\n", substr("pqrs", i % 4 + 1, 1), a - 2 * b + 0.1 * rand(), a, b } }' >table.csv
words="table.csv --task shop --label stars --quiet --threads 4"
part "fit" "$build/crosstalk" fit $words --out fit
part "attack" "$build/crosstalk" attack $words --method exact --labels free --lambda1 0.1 --lambda2 0.1 --out attack
part "audit" "$build/crosstalk" audit $words --lambda1 0.1 --lambda2 0.1 --budgets 0.3 --out audit
part "defend" "$build/crosstalk" defend $words --lambda1 0.1 --lambda2 0.1 --out defend
part "protect" "$build/crosstalk" protect garments-3 --method lsp --images 64 --quiet --threads 4 --out protect
echo "tsan: $parts parts, $failed failed"
[ "$failed" = 0 ]
