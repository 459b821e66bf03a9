# Testbed: one non-recursive build. `make help` lists what it does.
# Options (make NAME=value): VARIANT=asan|tsan  CC=clang  WERROR=1  V=1
.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules
# targets that build call make again with all cores, unless -j was given
JOBS := $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:

include mk/deps.mk
include mk/flags.mk
include mk/sources.mk
include mk/rules.mk
include mk/drivers.mk
include mk/tests.mk
include mk/install.mk
include mk/deb.mk
include mk/image.mk

.PHONY: all help clean run
all: $(PROGRAMS) pages ## build testbed-host, testbed-server and testbed

run: deps-run ## install what is missing, build, start the demo bench; Ctrl-C stops it
	+@$(MAKE) $(JOBS) --no-print-directory all sims
	@exec node mk/demo/run.mjs

clean: ## remove what was built
	rm -rf build

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 16
