#!/usr/bin/env bash
# Installs a build into a folder of its own, builds the examples against it as any other project would, and runs them:
# with find_package, with pkg-config, and compiled for this processor, which must print the same.
#   installed.sh BUILD SOURCE FLAGS
# With CROSSTALK_ALL_HEADERS=1 also compiles every installed header by itself, which takes two minutes.
set -eu
build=$1 source=$2 flags=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake --install "$build" --prefix "$folder/prefix" >/dev/null
export OMP_NUM_THREADS=1
LD_LIBRARY_PATH=$(dirname "$(find "$folder/prefix" -name "libcrosstalk.*" | head -n 1)")
export LD_LIBRARY_PATH  # for a shared library
cd "$folder"
cmake -S "$source/examples/cpp" -B examples -DCMAKE_PREFIX_PATH="$folder/prefix" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_CXX_FLAGS="-O1 $flags" >/dev/null
cmake --build examples -j2 >/dev/null
for example in learn attack defend certify; do
  "examples/$example" "$source/examples/cpp/shops.csv" >"$example.out"
  echo "$example:"
  cat "$example.out"
done
mkdir photos
python3 - <<'END'
import struct, zlib
def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
side, rows = 32, ["file,kind"]
for i in range(20):
    pixels = b"".join(b"\0" + bytes((x * 7 + y * (3 + i)) % 256 for x in range(side)) for y in range(side))
    with open(f"photos/{i}.png", "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)) +
                   chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b""))
    rows.append(f"{i}.png,{'cat' if i % 2 else 'dog'}")
with open("photos/labels.csv", "w") as file:
    file.write("\n".join(rows) + "\n")
END
examples/protect photos published
[ "$(find published -name '*.png' | wc -l)" = 20 ]
if grep -rl nlohmann "$folder/prefix/include"; then
  echo "these installed headers need nlohmann_json, which is the project's own" >&2
  exit 1
fi
pc=$(dirname "$(find "$folder/prefix" -name crosstalk.pc)")
# shellcheck disable=SC2046,SC2086
g++ -O1 $flags -march=native "$source/examples/cpp/learn.cpp" -o native \
  $(PKG_CONFIG_PATH=$pc pkg-config --cflags --libs --static crosstalk)
./native "$source/examples/cpp/shops.csv" | cmp - learn.out
grep -q '^converged' learn.out
if [ -n "${CROSSTALK_ALL_HEADERS:-}" ]; then
  count=0
  while IFS= read -r header; do
    # shellcheck disable=SC2046
    echo "#include <$header>" | g++ -fsyntax-only -x c++ $(PKG_CONFIG_PATH=$pc pkg-config --cflags crosstalk) - || exit 1
    count=$((count + 1))
  done < <(cd "$folder/prefix/include" && find crosstalk -name '*.hpp' ! -path '*/network/*' | sort)
  echo "$count headers compile by themselves"
fi
