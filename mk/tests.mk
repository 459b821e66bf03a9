# Tests. Every layer ends in one line per test; tests/run.mjs adds them up.
UNIT_SRCS := $(sort $(wildcard tests/unit/*/test_*.c tests/unit/test_*.c tests/contract/test_*.c drivers/[!_]*/test_*.c))
# ThreadSanitizer says nothing of tests with one thread: it runs those whose source names one of these, but for who says why not
ifeq ($(VARIANT),tsan)
UNIT_SRCS := $(sort $(shell grep -L "Not under ThreadSanitizer:" $$(grep -lFf tests/threads.txt $(UNIT_SRCS))))
endif
UNIT_TESTS := $(patsubst %.c,$(BUILD)/tests/%,$(UNIT_SRCS))
FUZZ_SRCS := $(if $(filter tsan,$(VARIANT)),,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_SRCS))
SIM_NAMES := $(sort $(notdir $(patsubst %/,%,$(wildcard tests/sim/*/))))
SIMS := $(foreach s,$(SIM_NAMES),$(if $(wildcard tests/sim/$(s)/*.c),$(BUILD)/sim/$(s)))
# C programs that tests and benchmarks run as helpers: tests/tools/<name>.c
TOOLS := $(patsubst tests/tools/%.c,$(BUILD)/tools/%,$(wildcard tests/tools/*.c))
# What tests put under a daemon by LD_PRELOAD: tests/preload/<name>.c, without sanitizers
PRELOADS := $(patsubst tests/preload/%.c,$(BUILD)/preload/%.so,$(wildcard tests/preload/*.c))

# A folder of tests may have helpers beside its test_*.c: all of them are linked with each. Those of tests/contract (a lane that runs outside of the
# daemon) are the drivers' too.
helpers_in = $(call obj,$(filter-out $(1)test_%,$(wildcard $(1)*.c)))
helpers = $(if $(filter tests/%,$(1)),$(call helpers_in,$(dir $(1))),$(if $(filter drivers/%,$(1)),$(call helpers_in,tests/contract/)))

.SECONDEXPANSION:
$(BUILD)/tests/%: $(BUILD)/obj/%.o $$(call helpers,$$*) $(BUILD)/obj/tests/quiet.o $(LIBHOST) $(LIBSERVER) $(LIBCLIENT) $(LIBDRIVERS) $(LIBTB)
	$(call link,$(filter %.o,$^),$(LIBHOST) $(LIBSERVER) $(LIBCLIENT) $(LIBDRIVERS) $(LIBTB))
$(BUILD)/tools/%: $(BUILD)/obj/tests/tools/%.o $(LIBHOST) $(LIBDRIVERS) $(LIBTB)
	$(call link,$<,$(LIBHOST) $(LIBDRIVERS) $(LIBTB))
# gcc: replays files; VARIANT=fuzz (clang): a libFuzzer binary
$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(if $(filter fuzz,$(VARIANT)),,$(BUILD)/obj/tests/fuzz/main.o) $(LIBHOST) $(LIBSERVER) $(LIBDRIVERS) $(LIBTB)
	$(call link,$(filter %.o,$^),$(LIBHOST) $(LIBSERVER) $(LIBDRIVERS) $(LIBTB))

$(PROGRAMS) $(UNIT_TESTS) $(FUZZERS) $(SIMS) $(TOOLS): $(LINK_OBJS)

$(BUILD)/preload/%.so: tests/preload/%.c
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) -std=c17 -Wall -Wextra -Werror -O1 -g -shared -fPIC -o $@ $<

$(BUILD)/sim/%: $$(call obj,$$(wildcard tests/sim/%/*.c)) $(LIBTB)
	$(call link,$(filter %.o,$^),$(LIBTB))

.PHONY: soak advisories messages sims tests-bin test test-fast lint format fuzz bench figures rig asan tsan headercheck cflags
sims: $(SIMS) $(TOOLS) $(PRELOADS)
tests-bin: all $(UNIT_TESTS) $(FUZZERS) sims

# C tests, corpora and most of integration run once, under a sanitizer; `make soak` has them as they ship, too
test: deps ## every test that CI runs; ends with "N passed, N failed, N skipped"
	+@$(MAKE) $(JOBS) --no-print-directory WERROR=1 all sims
	+@$(MAKE) $(JOBS) --no-print-directory WERROR=1 VARIANT=asan tests-bin
	+@$(MAKE) $(JOBS) --no-print-directory WERROR=1 VARIANT=tsan tests-bin
	@node tests/run.mjs all

test-fast: ## unit tests and fuzz replay of the normal build, nothing installed
	+@$(MAKE) $(JOBS) --no-print-directory tests-bin
	@node tests/run.mjs unit fuzz web

asan tsan: ## unit, contract and integration tests under sanitizers
	+@$(MAKE) $(JOBS) --no-print-directory VARIANT=$@ tests-bin
	@node tests/run.mjs $@

cflags: # for tests/lint.sh
	@echo '$(CFLAGS)'

headercheck: ## every header compiles alone
	@sh tests/lint.sh headers

lint: ## formatting, arrows between folders, headers alone, static analysis
	@sh tests/lint.sh

advisories: ## what the npm registry knows of our packages and tests/advisories.json does not
	@node tests/advisories.mjs --ask

messages: $(BUILD)/tools/messages ## what comes from lib/proto/messages.json: the page's copy, tables of docs/CONTROL.md
	@node tests/messages.mjs --write
	@TESTBED_BUILD=$(BUILD) TESTBED_WRITE_DOCS=1 node tests/integration/messages.test.mjs >/dev/null

format: ## clang-format over the C code, prettier over the pages' scripts
	$(call npm-install,tests)
	@git ls-files '*.c' '*.h' | xargs clang-format -i
	@set -f; tests/node_modules/.bin/prettier --write --log-level warn $$(git ls-files $$(sed -n "s/^formatted='\(.*\)'/\1/p" tests/lint.sh))

fuzz: ## make fuzz T=name S=seconds: one fuzzer
	+@$(MAKE) $(JOBS) --no-print-directory VARIANT=fuzz build/fuzz/fuzz/fuzz_$(T)
	@mkdir -p build/fuzz-found/$(T)
	build/fuzz/fuzz/fuzz_$(T) -max_total_time=$(or $(S),60) -artifact_prefix=build/fuzz-found/$(T)/ build/fuzz-found/$(T) tests/fuzz/corpus/$(T)

soak: ## hours: every fuzzer for S=300 seconds, C tests as they ship, then integration tests on a machine that is five times slower, and a minute each on lines that lose packets
	+@for t in $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SRCS)); do $(MAKE) --no-print-directory fuzz T=$$t S=$(or $(S),300) || exit 1; done
	+@$(MAKE) $(JOBS) --no-print-directory tests-bin
	@node tests/run.mjs unit fuzz
	TB_KILLS=100 node tests/run.mjs integration --match recording
	TB_SEVERAL_SESSIONS=2000 TB_SEVERAL_KILLS=30 TB_SEVERAL_EACH_S=20 node tests/bench/run.mjs several
	@node tests/run.mjs integration --load 5
	@TESTBED_SOAK=1 node tests/run.mjs e2e --match net-lossy

bench: deps ## benchmarks, each beside its peer in the same run
	+@$(MAKE) $(JOBS) --no-print-directory all sims
	@node tests/bench/run.mjs $(T)

figures: ## put what `make bench` measured into the README
	@node tests/bench/readme.mjs

rig: deps ## the lab in a VM, left running for a developer
	+@$(MAKE) $(JOBS) --no-print-directory all
	@node tests/rig/rig.mjs
