# Each target is a thin call of setup.sh and a CMake preset.
#   make audit   installs what is missing, builds, audits the default data set and prints the report's path
#   make reproduce   installs what is missing, builds, redoes the AAAI'18 paper's figures (its data: crosstalk data fetch)
#   make protect   installs what is missing (LibTorch, too), builds, protects garments-3 and trains on clean and protected images
#   make python  installs what is missing (pybind11, scikit-learn) and leaves an importable package in build/python
#   make test-python  the same, and runs all of its tests without sanitizers, the scripts of examples/python among them
#   make test    installs what is missing, builds and runs all tests
#   make fuzz    installs what is missing (clang, too) and fuzzes every reader for FUZZ_SECONDS (60) each: 21 minutes
#   make tsan    the same under ThreadSanitizer for what runs on several threads
#   make faults  installs what is missing and lets every write and 500 allocations of every command fail, one a run
#   make check-all   clang-tidy, tsan, fuzz, faults and a shared library, and a line about each
.PHONY: audit reproduce protect build python test-python test bench fuzz tsan faults check-all clean

JOBS ?= $(shell nproc)

audit reproduce: TARGET = crosstalk_command

audit: build
	@build/release/crosstalk audit --out crosstalk-out/audit

reproduce: build
	@build/release/crosstalk reproduce patom --out crosstalk-out/reproduce

protect:
	@./setup.sh build image
	@$(MAKE) --no-print-directory build
	@build/release/crosstalk protect garments-3 --out crosstalk-out/protect
	@build/release/crosstalk verify garments-3 --protected crosstalk-out/protect --out crosstalk-out/verify

build:
	@./setup.sh build
	@cmake --preset release >build-release.log 2>&1 || { cat build-release.log; exit 1; }
	@cmake --build --preset release -j $(JOBS) $(addprefix --target ,$(TARGET))
	@rm -f build-release.log

python:
	@./setup.sh build python
	@cmake --preset python >build-python.log 2>&1 || { cat build-python.log; exit 1; }
	@grep 'Python package for' build-python.log
	@cmake --build --preset python -j $(JOBS)
	@rm -f build-python.log
	@echo "Use it:  PYTHONPATH=$(CURDIR)/build/python /usr/bin/python3 -c 'import crosstalk'    (docs/guide/python.md)"

test-python: python
	@./setup.sh build python test
	@PYTHONPATH=build/python /usr/bin/python3 -B -m pytest -q -p no:cacheprovider python/tests

test:
	@./setup.sh build image test
	@tests/run.sh $(JOBS)

bench:
	@./setup.sh build image bench
	@cmake --preset bench && cmake --build --preset bench -j $(JOBS)
	@for program in build/bench/benchmarks/*_bench; do $$program || exit 1; done

FUZZ_SECONDS ?= 60
fuzz:
	@./setup.sh build fuzz
	@cmake --preset fuzz >/dev/null
	@cmake --build --preset fuzz -j $(JOBS)
	@tests/fuzz/run.py --programs build/fuzz/tests/fuzz --seconds $(FUZZ_SECONDS) $(FUZZ_FLAGS) $(FUZZ_READERS)

tsan:
	@./setup.sh build test fuzz
	@cmake --preset tsan >/dev/null
	@cmake --build --preset tsan -j $(JOBS)
	@tests/threads/run.sh build/tsan

CROSSTALK_INJECTED_FAULTS ?= 500
faults:
	@./setup.sh build test
	@cmake --preset debug >/dev/null
	@cmake --build --preset faults -j $(JOBS)
	@CROSSTALK_INJECTED_FAULTS=$(CROSSTALK_INJECTED_FAULTS) build/debug/tests/faults/faults_test --gtest_brief=1 --gtest_filter='Faults.*'

check-all:
	@./setup.sh build test fuzz
	@JOBS=$(JOBS) FUZZ_SECONDS=$(FUZZ_SECONDS) tests/check_all.sh

clean:
	rm -rf build crosstalk-out
