# The two commands: `make demo` and `make test`. Both install what is missing.

PACKAGES = g++ make libprotobuf-c-dev libpng-dev zlib1g-dev libssl-dev verilator iverilog yosys \
  opensta gnuplot-nox qflow-tech-osu018
SWIFT_BUILD = swift build -c release
DEEPFREEZE = .build/release/deepfreeze
SWIFT_FILES = $(shell git ls-files '*.swift')

EXAMPLE = models/fashion_mnist_int8.tflite
SEEDS ?= 1000
FIRST ?= 1
# Verilator takes some seconds a network, Icarus a fraction of one.
VERILATOR_EVERY ?= 20

.PHONY: demo test build lint setup bench fuzz fuzz-models clean

demo: build
	rm -rf out/demo
	$(DEEPFREEZE) emit $(EXAMPLE) --fixed-layers all --output out/demo
	$(DEEPFREEZE) verify out/demo --input $(firstword $(wildcard models/images/*.png)) --simulator icarus
	$(DEEPFREEZE) verify out/demo --input $(wordlist 1,3,$(wildcard models/images/*.png)) --stalls 1 \
	  --simulator icarus
	$(DEEPFREEZE) verify out/demo --input $(firstword $(wildcard models/images/*.png)) --simulator verilator
	@echo "The Verilog is in out/demo/rtl, the report in out/demo/report.md."

test: build lint
	swift test -c release --disable-xctest

build: setup
	$(SWIFT_BUILD)

# Emitted Verilog is linted by the tests: Verilator, Icarus, Yosys.
lint:
	swift format lint --strict $(SWIFT_FILES)

# Installs the Debian packages that are missing; needs nothing when all are there.
setup:
	@command -v swift > /dev/null || { \
	  echo "Swift 6.2 or newer is needed: see https://www.swift.org/install"; exit 1; }
	@missing=""; \
	if command -v dpkg-query > /dev/null; then \
	  for package in $(PACKAGES); do \
	    dpkg-query -W -f '$${Status}' $$package 2> /dev/null | grep -q 'ok installed' \
	      || missing="$$missing $$package"; \
	  done; \
	  if [ -n "$$missing" ]; then \
	    echo "Installing:$$missing"; \
	    if [ "$$(id -u)" = 0 ]; then root=""; else root="sudo"; fi; \
	    if [ -n "$$root" ] && ! command -v sudo > /dev/null; then \
	      echo "Run as root: apt-get install$$missing"; exit 1; fi; \
	    $$root apt-get update -qq && \
	      DEBIAN_FRONTEND=noninteractive $$root apt-get install -y -qq --no-install-recommends \
	        $$missing > /dev/null; \
	  fi; \
	else \
	  for tool in verilator iverilog yosys; do \
	    command -v $$tool > /dev/null || missing="$$missing $$tool"; \
	  done; \
	  if [ -n "$$missing" ]; then \
	    echo "This is not a Debian system. Install by hand: $(PACKAGES)"; \
	    echo "Not found:$$missing"; exit 1; fi; \
	fi

# The figures of docs/performance.md: on Google's MobileNet if ../shared is there.
MOBILENET = ../shared/models/mobilenet_v1_0.25_224_quant.tflite
bench: build
	@if [ -f $(MOBILENET) ]; then \
	  $(DEEPFREEZE) bench $(MOBILENET) --fixed-layers 11 27 --input ../shared/images/cat.bmp; \
	else \
	  $(DEEPFREEZE) bench $(EXAMPLE) --fixed-layers 11 12 \
	    --input $(firstword $(wildcard models/images/*.png)); \
	fi

# Random networks through interpreter, datapaths and simulators; then damaged model files.
fuzz: build
	$(DEEPFREEZE) fuzz --seeds $(SEEDS) --first $(FIRST) --verilator-every $(VERILATOR_EVERY) \
	  --crashers Tests/Crashers
	$(DEEPFREEZE) fuzz --seeds $(SEEDS) --first $(FIRST) --verilator-every $(VERILATOR_EVERY) \
	  --arithmetic onnx --crashers Tests/Crashers
	swift test -c release --disable-xctest --filter Robustness

# Model files that libFuzzer makes of the recorded ones, guided by coverage: FORMAT=onnx, tflite or
# graphdef, for SECONDS. What is found is written to .build/fuzz/found; Swift's own handler of traps, which
# would end the process before that, is off.
FORMAT ?= onnx
SECONDS ?= 3600
RECORDED = Tests/ModelImportTests/Recorded
FUZZ_onnx = $(RECORDED)/onnx_models.json
FUZZ_tflite = $(RECORDED)/one_operator_models.json $(RECORDED)/tflite_float_models.json
FUZZ_graphdef = $(RECORDED)/graphdef_models.json
fuzz-models: setup
	DEEPFREEZE_FUZZ=1 $(SWIFT_BUILD) --sanitize fuzzer --scratch-path .build/fuzz --product model-fuzz
	mkdir -p .build/fuzz/corpus/$(FORMAT) .build/fuzz/found
	SWIFT_BACKTRACE=enable=no FUZZ_RECORDED="$(FUZZ_$(FORMAT))" \
	  .build/fuzz/release/model-fuzz .build/fuzz/corpus/$(FORMAT) \
	  -max_total_time=$(SECONDS) -max_len=65536 -timeout=120 -print_final_stats=1 \
	  -artifact_prefix=.build/fuzz/found/$(FORMAT)-

clean:
	rm -rf .build out
