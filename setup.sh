#!/usr/bin/env bash
# Installs what a fresh Debian 12 or 13 lacks to build, run and test crosstalk. This is the only place that names packages.
#   ./setup.sh [build|image|python|test|bench|fuzz]...   (default: build; image: LibTorch, half a gigabyte, for protect
#   and verify; fuzz: clang with its sanitizers, for `make fuzz`, `make tsan` and `make check-all`)
set -eu

build="g++ make cmake ninja-build ccache pkg-config ca-certificates
  libeigen3-dev libopenblas0-openmp libopenblas-openmp-dev liblapacke-dev
  libcli11-dev libfmt-dev nlohmann-json3-dev libtomlplusplus-dev
  libmatio-dev libzip-dev libpng-dev libjpeg62-turbo-dev libwebp-dev libpugixml-dev zlib1g-dev libbz2-dev liblzma-dev
  libcurl4-openssl-dev libssl-dev
  gnuplot-nox dataset-fashion-mnist"
image="libtorch-dev"
test="clang-format libgtest-dev libgmock-dev librapidcheck-dev libnlopt-cxx-dev libnlopt-dev chromium python3 python3-numpy"
python="pybind11-dev python3-dev python3-numpy python3-sklearn"
test="$test $python python3-pandas python3-pytest python3-hypothesis mypy"
bench="libbenchmark-dev valgrind"
fuzz="clang clang-tidy libclang-rt-14-dev libomp-dev llvm python3 util-linux"

wanted=""
[ $# -gt 0 ] || set -- build
for set in "$@"; do
  case "$set" in
    build) wanted="$wanted $build" ;;
    image) wanted="$wanted $image" ;;
    python) wanted="$wanted $python python3-pandas" ;;
    test)  wanted="$wanted $test" ;;
    bench) wanted="$wanted $bench" ;;
    fuzz)  wanted="$wanted $fuzz" ;;
    *) echo "setup.sh: unknown set \"$set\"; known: build, image, python, test, bench, fuzz" >&2; exit 2 ;;
  esac
done

missing=""
for package in $wanted; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then as_root=""
elif command -v sudo >/dev/null; then as_root="sudo"
else
  echo "setup.sh: these packages are missing and installing them needs root. Ask an administrator for:" >&2
  echo "  apt-get install --no-install-recommends$missing" >&2
  exit 1
fi
echo "setup.sh: installing$missing" >&2
$as_root apt-get -o DPkg::Lock::Timeout=300 update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends $missing >/dev/null
