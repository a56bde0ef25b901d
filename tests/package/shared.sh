#!/usr/bin/env bash
# Builds the library as a shared one, proves that it shows its own names and no others, and runs the outside project of
# installed.sh against it. Five minutes of two cores.
#   shared.sh BUILD SOURCE      BUILD is made where it is not there
set -eu
build=$1 source=$2
cmake -S "$source" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON -DCROSSTALK_UNITY=ON \
  -DCROSSTALK_BUILD_TESTS=OFF -DCROSSTALK_BUILD_COMMAND=OFF -DCROSSTALK_IMAGE=OFF >/dev/null
cmake --build "$build" -j "${JOBS:-$(nproc)}" >"$build/build.log" || { cat "$build/build.log"; exit 1; }
library=$(readlink -f "$build/libcrosstalk.so")
version=$(sed -n 's/^project(crosstalk VERSION \([0-9]*\.[0-9]*\).*/\1/p' "$source/CMakeLists.txt")
readelf -d "$library" | grep -q "soname: \[libcrosstalk.so.$version\]" || { echo "the soname is not libcrosstalk.so.$version"; exit 1; }
# "ADDRESS TYPE NAME" with names such as "crosstalk::f()", "vtable for crosstalk::A", "guard variable for crosstalk::x"
foreign=$(nm -DC --defined-only "$library" | cut -d ' ' -f 3- | grep -vE '^(.* for )?crosstalk::' || true)
[ -z "$foreign" ] || { printf 'shown, and not of crosstalk:\n%s\n' "$foreign"; exit 1; }
CROSSTALK_ALL_HEADERS=1 "$source/tests/package/installed.sh" "$build" "$source" "" | tail -n 1
echo "shared: $(nm -D --defined-only "$library" | wc -l) names shown, all of crosstalk; the outside project runs"
