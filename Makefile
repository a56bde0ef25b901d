# Each target is a thin call of setup.sh and a CMake preset.
#   make audit   installs what is missing, builds, audits the default data set and prints the report's path
#   make reproduce   installs what is missing, builds, redoes the AAAI'18 paper's figures (its data: crosstalk data fetch)
#   make protect   installs what is missing (LibTorch, too), builds, protects garments-3 and trains on clean and protected images
#   make test    installs what is missing, builds and runs all tests
.PHONY: audit reproduce protect build test bench clean

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

test:
	@./setup.sh build image test
	@tests/run.sh $(JOBS)

bench:
	@./setup.sh build image bench
	@cmake --preset bench && cmake --build --preset bench -j $(JOBS)
	@for program in build/bench/benchmarks/*_bench; do $$program || exit 1; done

clean:
	rm -rf build crosstalk-out
