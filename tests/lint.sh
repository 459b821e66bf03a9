#!/bin/sh
# The rules of the house. Every finding is `file:line: what is wrong (how to mend it)`.
#   sh tests/lint.sh          everything
#   sh tests/lint.sh rules    arrows between folders, banned calls, sizes, driver folders: seconds, no tool needed
#   sh tests/lint.sh headers | format | cppcheck      each header compiles alone; clang-format and prettier; cppcheck
#   sh tests/lint.sh tidy [FILE...] | tidy-changed    clang-tidy: of everything, of these files, of what differs from main
# What headers, cppcheck and clang-tidy said of a file is kept until the file or an include of it changes.
# Output is TAP.
# One line may be excused by a comment that says why:  /* lint: <rule> - <reason> */
set -u
cd "$(dirname "$0")/.." || exit 1
found=$(mktemp) || exit 1
trap 'rm -f "$found" "$found".*' EXIT

# What prettier formats (.prettierrc.json). CSS is written by hand: it would make four lines of each.
formatted='web/*.js web/*.mjs tests/*.mjs mk/*.mjs drivers/*.mjs'

sources() { git ls-files -co --exclude-standard -- "$@" 2>/dev/null | while read -r f; do [ -f "$f" ] && echo "$f"; done; }
scripts() { (
	set -f # the patterns are git's
	# shellcheck disable=SC2086
	sources $formatted "$@"
); }

# Arrows of docs/DEVELOP.md: what a folder may include of the project.
rule_arrows() {
	sources '*.c' '*.h' | xargs awk '
	function room(f,   p) {
		split(f, p, "/")
		if (p[1] == "host" && p[3] == "") return "host/main"
		if (p[1] == "host" && p[2] == "core" && p[4] != "") return "host/core/" p[3]
		if (p[1] == "host") return "host/" p[2]
		if (p[1] == "server" && p[3] != "") return "server/" p[2]
		if (p[1] == "drivers" && p[3] == "") return "drivers/driver.h"
		if (p[1] == "drivers") return "drivers/" p[2]
		return p[1]
	}
	BEGIN { # the rooms of host/core: each may look at the folder itself (core.h, private.h), and at these
		core["device"] = "lanes console state input"
		core["ops"] = "lanes console state input"
		core["console"] = "state ops"
		core["control"] = "state"
		core["input"] = "lanes"
	}
	function allowed(from, to, file) {
		if (from == to || to == "lib") return 1
		if (from == "lib") return 0
		if (from == "drivers/driver.h") return to == "drivers/transport"
		if (from == "drivers/transport") return to == "drivers/driver.h"
		if (from ~ /^drivers\// && file ~ /\/test_/ && to == "tests") return 1
		if (from ~ /^drivers\//) return to == "drivers/driver.h" || to == "drivers/transport"
		if (from ~ /^host\/core/ && (to == "drivers/driver.h" || to == "drivers/transport")) return 1
		if (from == "host/core") return to ~ /^host\/core/
		if (from ~ /^host\/core\//) return to == "host/core" || index(" " core[substr(from, 11)] " ", " " substr(to, 11) " ")
		if (to ~ /^host\/core\// && from ~ /^host\//) to = "host/core"
		if (from == "host/media") return to == "host/core"
		if (from == "host/main") return to ~ /^host\// || to == "drivers/driver.h"
		if (from == "host/outward") return 0
		if (to == "host/outward") return from ~ /^host\/(bridge|phone)$/ || from == "tests"
		if (from ~ /^host\//) return to == "host/core" || to == "host/media" || to == "drivers/driver.h"
		if (from == "server") return to ~ /^server\// # main, and what wires the rooms; they never look at each other
		if (from == "server/accounts" && (to == "server" || to == "server/oidc")) return 1 # its routes: server_private.h
		if (from == "server/events" && to == "server/notify") return 1
		if (to == "server/outward") return from ~ /^server\/(notify|oidc)$/ || from == "tests"
		if (from ~ /^server\/(pairing|accounts|events|notify|calls|recordings)$/) return to ~ /^server\/(store|blob|cluster)$/
		if (from ~ /^server\// || from == "client") return 0
		if (from == "tests") return 1
		return 0
	}
	/^[ \t]*#[ \t]*include[ \t]*"/ {
		split($0, q, "\"")
		if (q[2] ~ /^\.\.?\//) { printf "%s:%d: include \"%s\" by its path from the top (\"host/core/core.h\")\n", FILENAME, FNR, q[2]; next }
		if (q[2] !~ /\//) { printf "%s:%d: include \"%s\" by its path from the top\n", FILENAME, FNR, q[2]; next }
		from = room(FILENAME); to = room(q[2])
		if (!allowed(from, to, FILENAME))
			printf "%s:%d: %s may not include %s (move the code, or add an interface where both may look)\n", FILENAME, FNR, from, q[2]
	}
	/^[ \t]*#[ \t]*include[ \t]*<gst\// && FILENAME !~ /^(host\/media|drivers|tests|host\/main|server\/worker)/ {
		printf "%s:%d: GStreamer lives in host/media, in video drivers and in server/worker only\n", FILENAME, FNR
	}'
}

# Only lib/thread knows threads. GStreamer callbacks need none of these either.
rule_threads() {
	sources 'lib/*.[ch]' 'host/*.[ch]' 'server/*.[ch]' 'client/*.[ch]' 'drivers/*.[ch]' | grep -v '^lib/thread\.[ch]$' | xargs grep -nE \
		'\b(pthread_[a-z]+|g_thread_(new|try_new)|g_(rec_)?mutex_[a-z]+|g_rw_lock_[a-z]+|g_cond_[a-z]+|thrd_[a-z]+|mtx_[a-z]+)[ ]*\(|\bG(Mutex|RecMutex|Cond|RWLock)\b' |
		grep -v 'lint: threads -' | sed -E 's/^([^:]*:[0-9]+):.*/\1: threads and locks only by lib\/thread.h (TbMutex, TbQueue, TbMailbox, tb_main_post)/'
}

# What ends the process when it is out of threads or descriptors is for a program's start; later it is refused (tb_thread_try_start() etc.).
rule_start() {
	sources 'lib/*.c' 'host/*.c' 'server/*.c' 'client/*.c' 'drivers/*.c' | grep -vE '/test_|^lib/thread\.c$' | xargs grep -nE '\b(tb_thread_(start|detach)|tb_interruptor_new|tb_io_init_plain)\(' |
		grep -vE '^(host/media/peers/main|host/media/gstreamer|server/store/db|drivers/transport/io)\.c:' |
		sed -E 's/^([^:]*:[0-9]+):.*/\1: only at the start of a program; here it is refused (tb_thread_try_start(), tb_thread_try_detach(), tb_interruptor_try_new())/'
}

rule_banned() {
	sources 'lib/*.[ch]' 'host/*.[ch]' 'server/*.[ch]' 'client/*.[ch]' 'drivers/*.[ch]' | xargs awk '
	function say(what) { if ($0 !~ /lint: banned -/) printf "%s:%d: %s\n", FILENAME, FNR, what }
	{
		line = $0
		gsub(/"([^"\\]|\\.)*"/, "\"\"", line)            # not in strings
		sub(/\/\/.*/, "", line)
		if (comment) { if (!match(line, /\*\//)) next; line = substr(line, RSTART + 2); comment = 0 }
		gsub(/\/\*[^*]*\*+([^\/*][^*]*\*+)*\//, "", line)
		if (match(line, /\/\*/)) { line = substr(line, 1, RSTART - 1); comment = 1 }
	}
	FNR == 1 { comment = 0 }
	line ~ /(^|[^a-z_A-Z0-9.>])(strcpy|strcat|sprintf|vsprintf|gets|strncpy|strncat|strtok|alloca)[ ]*\(/ { say("unbounded or surprising string call (g_strlcpy, g_snprintf, GString, g_strsplit)") }
	line ~ /(^|[^a-z_A-Z0-9.>])(atoi|atol|atoll|atof|sscanf)[ ]*\(/ && FILENAME !~ /\/test_/ { say("does not report errors (g_ascii_string_to_signed, tb_params_validate)") }
	line ~ /(^|[^a-z_A-Z0-9.>])(system|popen|g_spawn_command_line_sync|g_spawn_command_line_async)[ ]*\(/ { say("no shell: drivers/transport/process takes an argv") }
	line ~ /(^|[^a-z_A-Z0-9.>])(sleep|usleep|g_usleep|nanosleep)[ ]*\(/ { say("no sleeping: wait through TbIo, or arm a timer on the main loop") }
	line ~ /(^|[^a-z_A-Z0-9.>])(g_error|abort|exit)[ ]*\(/ && FILENAME !~ /main\.c$|^lib\/thread\.c$|\/test_/ && !/like failing malloc/ { say("input from outside must not end the process (return an error)") }
	line ~ /(^|[^a-z_A-Z0-9.>])(printf|g_print|g_printerr|puts|perror)[ ]*\(/ && FILENAME !~ /main\.c$/ { say("log with tb_log()") }
	line ~ /(^|[^a-z_A-Z0-9.>])(rand|random|srand|g_random_int|g_random_int_range)[ ]*\(/ && FILENAME !~ /^host\/media|^drivers/ { say("secrets come from tb_random_token()") }
	line ~ /(^|[^a-z_A-Z0-9.>])(g_set_error|g_set_error_literal|g_prefix_error)[ ]*\(/ { say("tb_set_error(), tb_error_prefix() (lib/error.h)") }
	line ~ /(^|[^a-z_A-Z0-9.>])(g_get_real_time|time|gettimeofday|g_date_time_new_now[a-z_]*)[ ]*\(|CLOCK_REALTIME/ && FILENAME != "lib/clock.c" { say("the wall clock steps: tb_clock_mono_ms() for durations, tb_clock_ms() for what is shown (lib/clock.h)") }
	line ~ /NDEBUG/ { say("asserts stay in") }'
}

# libsoup and GIO ask the system's proxy unless they are told: devices and this machine are ours, tokens and passwords go to them alone.
rule_proxy() {
	sources 'lib/*.c' 'host/*.c' 'server/*.c' 'client/*.c' 'drivers/*.c' | xargs awk '
	/(^|[^a-z_])(soup_session_new|g_socket_client_new|g_proxy_resolver_[a-z_]+)[ ]*\(|(^|[^a-z_])soup_session_new_with_options[ ]*\(|g_object_new\((SOUP_TYPE_SESSION|G_TYPE_SOCKET_CLIENT)/ { call = ""; at = FNR }
	at { call = call $0 }
	at && /;/ {
		if (call !~ /"proxy-resolver"/)
			printf "%s:%d: say \"proxy-resolver\" (NULL for devices and for this machine; docs\/DEVELOP.md)\n", FILENAME, at
		at = 0
	}
	FNR == 1 { at = 0 }'
}

# All that leaves as JSON is written by tb_json_text(), which tells NULL (a text that is no UTF-8) from a message.
rule_json() {
	sources 'lib/*.c' 'host/*.c' 'server/*.c' 'client/*.c' 'drivers/*.c' | grep -vE '/test_|^lib/json\.c$' | xargs grep -nE '\bjson_(dumps|dump_callback|dumpf|dumpfd)\(' |
		grep -v 'lint: json -' | sed -E 's/^([^:]*:[0-9]+):.*/\1: tb_json_text() (lib\/json.h)/'
}

# A driver's op that changes something is one step of a command: authority is looked at before each.
rule_steps() {
	sources 'host/*.c' | grep '^host/core/' | xargs grep -nE '[a-z_]\((instance|[a-z]+->instance), *(&[a-z>.-]*)?io\b' |
		grep -vE '>(get|stat|list|read)\((instance|[a-z]+->instance), |lanes/worker|lint: steps -' |
		sed -E 's/^([^:]*:[0-9]+):.*/\1: call it by TB_STEP() (host\/core\/ops\/command.h)/'
}

# What a file may have: 450 lines, tests and limits.h (tables) 750.
rule_size() {
	sources '*.c' '*.h' '*.mjs' '*.js' '*.css' '*.sh' | grep -v -E '(^|/)vendor/|_gen\.c$' | xargs wc -l | awk '
	$2 == "total" { next }
	{ most = $2 ~ /(^|\/)tests\/|\/test_|^lib\/limits\.h$/ ? 750 : 450 }
	$1 > most { printf "%s:%d: %d lines; %d is a stop (which two things is this file?)\n", $2, most, $1, most }'
	sources '*.c' | xargs awk '
	FNR == 1 { start = 0 }
	/^\{$/ { start = FNR }
	/^\}/ && start { if (FNR - start > 80) printf "%s:%d: function of %d lines (80 is a stop; split it)\n", FILENAME, start, FNR - start; start = 0 }'
}

# Lines of the pages and of scripts have 120 columns, as prettier (make format) makes them; it breaks no text and no comment. A line that is longer for a text is left.
rule_columns() {
	scripts 'web/*.css' 'web/*.html' | xargs awk -v most=120 '{
		line = $0
		gsub(/'"'([^'\\\\]|\\\\.)*'"'|"([^"\\]|\\.)*"|`.*`/, "", line) }
	length(line) > most { printf "%s:%d: %d columns; %d is a stop (make format; comments by hand)\n", FILENAME, FNR, length($0), most }'
}

rule_drivers() {
	for d in drivers/*/; do
		name=$(basename "$d")
		case $name in transport | _*) continue ;; esac
		[ -n "$(sources "$d*.c")" ] || continue
		[ -f "$d/README.md" ] || echo "${d}README.md:1: a driver says what it drives, how to attach it and what it was proven against"
		ls "$d"test_*.c >/dev/null 2>&1 || echo "${d}test_$name.c:1: a driver has its tests in its folder"
	done
	# what is found is bounded, made fit and paced in one place, and so is what a discovery says of itself
	sources 'drivers/*.c' | grep -vE '^drivers/transport/(offers|finder)\.c$|/test_' | xargs grep -nE '\b(found|lost)\(self|(->|\.)(found|lost)\(|base\.(event|fault)\(|self->(event|fault)\(' |
		sed -E 's/^([^:]*:[0-9]+):.*/\1: discoveries tell through drivers\/transport\/finder.h/'
	# one place for them: what is about all drivers is tests/contract/test_driver_contract.c, all else drivers/<name>/test_*.c
	sources 'tests/contract/test_*.c' | grep -v '/test_driver_contract\.c$' | sed 's/$/:1: tests of a driver stand in drivers\/<name>\/test_*.c/'
	sources 'tests/unit/*.c' | xargs grep -nE '^#include "drivers/[a-z0-9]+/' | grep -vE '"drivers/transport/' |
		sed -E 's/^([^:]*:[0-9]+):.*/\1: tests of a driver stand in drivers\/<name>\/test_*.c/'
}

# Who reads a name knows whose it is, and two drivers never have the same one: all that other files see of drivers/foo/ is tb_foo_…, TbFoo…, TB_FOO_…;
# a part of drivers/transport/ goes by a file of that folder, or by a word of `things`.
rule_prefixes() {
	things="wait uevent $(sources 'drivers/transport/*.[ch]' | sed -E 's#.*/##; s/\.[ch]$//; s/_//g' | sort -u | tr '\n' ' ')"
	sources 'drivers/*/*.[ch]' | grep -vE '/(test|fuzz)_' | xargs awk -v things="$things" '
	function say(name) {
		printf "%s:%d: %s begins with %s\n", FILENAME, FNR, name,
			folder == "transport" ? "tb_ or Tb and the name of a file of this folder" : "tb_" folder "_, Tb" camel " or TB_" toupper(folder) "_"
	}
	function fits(name,   plain, i) {
		if (folder != "transport")
			return index(name, "tb_" folder "_") == 1 || name == "tb_driver_" folder || index(name, "Tb" camel) == 1 || index(name, "TB_" toupper(folder) "_") == 1
		if (name !~ /^(tb_|Tb[A-Z]|TB_)/) return 0
		plain = tolower(name); gsub(/_/, "", plain); plain = substr(plain, 3)
		for (i = 1; i <= n; i++) if (index(plain, thing[i]) == 1) return 1
		return 0
	}
	function look(name) { if (name != "" && !fits(name)) say(name) }
	BEGIN { n = split(things, thing, " ") }
	FNR == 1 {
		split(FILENAME, part, "/")
		folder = part[2] == "_template" ? "template" : part[2]
		camel = toupper(substr(folder, 1, 1)) substr(folder, 2)
		header = FILENAME ~ /\.h$/; choices = 0
	}
	# enumerators stand alone, or behind the brace
	header && (choices || /^(typedef )?enum [^;]*\{/) {
		line = $0; sub(/^[^{]*\{/, "", line); sub(/\}.*/, "", line); gsub(/\/\*[^*]*\*\//, "", line); gsub(/\/\*.*/, "", line)
		m = split(line, word, ","); for (i = 1; i <= m; i++) if (match(word[i], /^ *[A-Z][A-Z0-9_]+/)) { at = substr(word[i], RSTART, RLENGTH); gsub(/ /, "", at); look(at) }
		choices = /\}/ ? 0 : 1
	}
	header && /^#define / { at = $2; sub(/\(.*/, "", at); look(at) }
	/^struct [A-Za-z0-9_]+;/ { next } # it belongs elsewhere
	header && /^(typedef )?(struct|union|enum) [A-Za-z0-9_]+/ { sub(/^typedef /, ""); at = $2; sub(/;.*/, "", at); look(at); next }
	header && /^typedef .*\(\*[A-Za-z0-9_]+\)/ { match($0, /\(\*[A-Za-z0-9_]+/); look(substr($0, RSTART + 2, RLENGTH - 2)); next }
	/^(static|typedef|struct|union|enum|extern "C"|return|else|default|case|G_DEFINE)/ && !(header && /^static inline/) { next }
	/^[A-Za-z_][^=(]*[ *][A-Za-z0-9_]+\(/ { at = $0; sub(/\(.*/, "", at); sub(/.*[ *]/, "", at); look(at); next }
	/^[A-Za-z_][^(=]*[ *][A-Za-z0-9_]+(\[[^]]*\])* *(=|;)/ { at = $0; sub(/ *(=|;).*/, "", at); sub(/\[.*/, "", at); sub(/.*[ *]/, "", at); look(at) }'
}

rule_headers() {
	sources '*.h' | xargs awk 'FNR == 1 && $0 != "#pragma once" { print FILENAME ":1: begin with #pragma once" }'
	# own header first proves that it stands alone
	{
		sources '*.h' | sed 's/^/H /'
		sources 'lib/*.c' 'host/*.c' 'server/*.c' 'client/*.c' 'drivers/*.c' | xargs grep -n -m1 '^#include' /dev/null
	} | awk '
	/^H / { header[substr($0, 3)] = 1; next }
	{
		split($0, at, ":"); own = at[1]; sub(/\.c$/, ".h", own)
		if (own in header && index($0, "\"" own "\"") == 0) printf "%s:%s: include \"%s\" first\n", at[1], at[2], own
	}'
}

# private.h belongs to its folder, <thing>_private.h to the files of that thing: nobody else includes them.
rule_private() {
	sources '*.h' | grep -E '(^|[/_])internal\.h$' | sed 's/$/:1: what a folder keeps to itself is private.h or <thing>_private.h/'
	sources 'lib/*.[ch]' 'host/*.[ch]' 'server/*.[ch]' 'client/*.[ch]' 'drivers/*.[ch]' | xargs awk -F'"' '/^[ \t]*#[ \t]*include[ \t]*".*private\.h"/ {
		folder = $2; sub(/[^\/]*$/, "", folder)
		if (index(FILENAME, folder) != 1) printf "%s:%d: %s is private to %s\n", FILENAME, FNR, $2, folder }'
}

rule_fuzz() {
	sources 'tests/fuzz/fuzz_*.c' | while read -r f; do
		name=$(basename "$f" .c)
		name=${name#fuzz_}
		[ -n "$(ls -A "tests/fuzz/corpus/$name" 2>/dev/null)" ] || echo "$f:1: give it seeds in tests/fuzz/corpus/$name/"
	done
}

# Tests wait for events and take free ports.
rule_tests() {
	sources 'tests/*.mjs' 'tests/*.c' 'web/tests/*.mjs' | grep -v '^tests/bench/' | xargs grep -nE '\b(usleep|g_usleep|sleep) ?\(|waitForTimeout\(' | grep -v 'lint: tests -' |
		sed -E 's/^([^:]*:[0-9]+):.*/\1: no sleeps in tests (wait for the event, with a deadline)/'
	sources 'web/*.js' 'web/*.mjs' | grep -vE '/vendor/|^web/tests/' | xargs -r grep -nE '\.(innerHTML|outerHTML) *=|insertAdjacentHTML|document\.write\(' |
		sed -E 's/^([^:]*:[0-9]+):.*/\1: no HTML from data (textContent, createElement)/'
}

# What is secret: a URI as it was given is for comparing and never for a text (uri->shown, tb_attachment's `shown`).
rule_secrets() {
	sources 'host/core/*.[ch]' 'drivers/*.[ch]' | xargs grep -nE 'uri->raw\b|call->url\b.*(error|tb_log|printf)|(tb_set_error|tb_log|tb_io_fail).*(->url\b|uri->(password|query))' |
		grep -v -E '^host/core/device/(attach|resources)\.c:' | sed -E 's/^([^:]*:[0-9]+):.*/\1: a text gets uri->shown or tb_uri_shown(), never the URL as it was given (lib\/secret.h)/'
}

# What users read says what happened and where. A text that is all in one literal does not end in "failed".
rule_errors() {
	sources 'lib/*.c' 'host/*.c' 'server/*.c' 'client/*.c' 'drivers/*.c' | grep -v '/test_' | xargs awk '
	/tb_set_error\(|tb_error_set_field\(|return bad\(error/ { open = 1 }
	open && match($0, /"([^"\\]|\\.)*"[ ]*(\)|,|$)/) {
		text = $0; sub(/^[^"]*"/, "", text); sub(/"[^"]*$/, "", text)
		if ($0 ~ /tb_error_set_field\(/ || text ~ /%|"/) { if (/;[ ]*$/) open = 0; next }
		if (text ~ /(^| )(failed|error)\.?$/ && $0 !~ /lint: errors -/)
			printf "%s:%d: \"%s\" (what happened, where, what to do)\n", FILENAME, FNR, text
	}
	/;[ ]*$/ { open = 0 }'
}

# Nothing of the machine on which it was written.
rule_traces() {
	git grep -nIE '/roo[t]/|/tmp/bas[h]_jobs|/hom[e]/[a-z]+/' -- . ':!tests/lint.sh' | grep -v 'lint: traces -' |
		sed -E 's/^([^:]*:[0-9]+):.*/\1: a path of one machine/'
}

# One table of messages: its copies and limits are what it says.
rule_messages() { node tests/messages.mjs; }

# npm packages against known advisories, without the network.
rule_advisories() { node tests/advisories.mjs; }

# Every limit has a test that names it: by its whole name, in the title of a test of the daemons ("WAITING: 512 ..."), or as a row of
# messages.json, whose limits are all tried.
rule_limits() {
	tests=$(sources 'tests/*.c' 'tests/*.h' 'tests/*.mjs' 'drivers/*/test_*.c')
	# shellcheck disable=SC2086
	{
		grep -ohE '\bTB_LIMIT_[A-Z0-9_]+\b' lib/proto/messages.json $tests
		grep -ohE "test\(['\"\`][A-Z0-9_, ]*: " $tests | grep -oE '[A-Z0-9_]+' | sed 's/^/TB_LIMIT_/'
	} | sort -u | awk '
	FILENAME == "-" { named[$1] = 1; next }
	$1 == "#define" && $2 ~ /^TB_LIMIT_/ && !($2 in named) {
		print FILENAME ":" FNR ": no test names " $2 " (at the limit, and one beyond it)"
	}' - lib/limits.h lib/limits_*.h
}

# What stands in a header and nobody calls is gone.
rule_unused() {
	{
		sources 'lib/*.h' 'host/*.h' 'server/*.h' 'client/*.h' 'drivers/*.h' | xargs grep -ohE '\btb_[a-z0-9_]+\(' | tr -d '(' | sort -u | sed 's/^/declared:0:/'
		sources '*.c' | xargs grep -noE '\btb_[a-z0-9_]+\b'
		sources '*.h' | xargs grep -noE '#define .*|^ {8}.*|^G_DEFINE_.*|^ .*\\$' |
			awk -F: '{ at = $1 ":" $2 ":"; s = $0; sub(/^[^:]*:[^:]*:/, "", s); while (match(s, /tb_[a-z0-9_]+/)) { print at substr(s, RSTART, RLENGTH); s = substr(s, RSTART + RLENGTH) } }'
	} | awk -F: '
	$1 == "declared" { declared[$3]; next }
	$3 in declared { n[$3]++; where[$3] = $1 ":" $2 }
	END { for (f in n) if (n[f] == 1) print where[f] ": nobody uses " f "()" }' | sort
}

rules='arrows threads start banned proxy json steps size columns drivers prefixes secrets headers private fuzz tests errors traces messages advisories limits unused'
n=0
failed=0

# verdict NAME: what stands in $found is the findings
verdict() {
	n=$((n + 1))
	if [ -s "$found" ]; then
		cat "$found"
		echo "not ok $n - $1: $(wc -l <"$found") findings"
		failed=1
	else
		echo "ok $n - $1"
	fi
}

run_rules() {
	for r in $rules; do
		rule_"$r" >"$found" 2>&1
		verdict "$r"
	done
}

jobs=$(nproc)
cflags() { make -s --no-print-directory cflags; }

# What a tool said is kept in build/<tool>/ under a hash of everything that it depends on: a second run is quick.
# kept FOLDER KEY COMMAND...
kept() {
	store=build/$1/$2
	shift 2
	if [ ! -f "$store" ]; then
		mkdir -p "${store%/*}"
		"$@" >"$store.$$" 2>&1
		mv "$store.$$" "$store"
	fi
	cat "$store"
}

header_alone() {
	# shellcheck disable=SC2086
	echo "#include \"$1\"" | ${CC:-gcc} $flags -O0 -U_FORTIFY_SOURCE -Wno-unused-function -x c -fsyntax-only - || echo "$1:1: does not compile alone"
}

# hash_of FILE: of the flags, the file and all that it includes
hash_of() {
	# shellcheck disable=SC2086
	depends=$(${CC:-gcc} -MM -x c $flags "$1" 2>/dev/null | sed 's/^[^ ]*: *//; s/\\$//') || depends=$1
	# shellcheck disable=SC2086
	{ echo "$flags $checks"; cat $depends; } | sha256sum | cut -d' ' -f1
}

# Those that a .c file of the same name includes first (rule_headers) are compiled with it.
lone_headers() {
	sources '*.h' | while read -r h; do
		case $h in lib/* | host/* | server/* | client/* | drivers/*) [ -f "${h%.h}.c" ] || echo "$h" ;; *) echo "$h" ;; esac
	done
}
run_headers() {
	flags=$(cflags) || exit 2
	export flags
	lone_headers | xargs -P"$jobs" -n1 sh tests/lint.sh header-one >"$found" 2>&1
	verdict headers
}

run_format() {
	sources '*.c' '*.h' | xargs -P"$jobs" -n8 clang-format --dry-run -Werror 2>&1 |
		sed -nE 's/^([^:]*:[0-9]+):[0-9]+: error: .*/\1: format (make format)/p' | sort -u | awk -F: '{ n[$1]++; if (n[$1] == 1) first[$1] = $0 }
		END { for (f in n) printf "%s%s\n", first[f], (n[f] > 1) ? sprintf(" and %d lines more", n[f] - 1) : "" }' >"$found"
	prettier=tests/node_modules/.bin/prettier
	if [ -x $prettier ]; then # it keeps which files were right
		# shellcheck disable=SC2046
		$prettier --list-different --cache --cache-strategy content --cache-location build/prettier/cache $(scripts) 2>&1 |
			sed 's/$/:1: format (make format)/' >>"$found"
	else
		echo "$prettier:1: is not there (make deps)" >>"$found"
	fi
	verdict format
}

run_cppcheck() {
	mkdir -p build/cppcheck # it keeps there what it found in each file
	sources 'lib/*.c' 'host/*.c' 'server/*.c' 'client/*.c' 'drivers/*.c' | cppcheck --quiet --cppcheck-build-dir=build/cppcheck -j"$jobs" --enable=warning,performance,portability --std=c11 --inline-suppr \
		--library=gtk --suppressions-list=tests/cppcheck.supp --template='{file}:{line}: {severity}: {message} [{id}]' -I. -D_GNU_SOURCE -D__cppcheck__=1 \
		-DG_DEFINE_AUTOPTR_CLEANUP_FUNC\(a,b\)= --file-list=- >"$found" 2>&1
	verdict cppcheck
}

# Left out are checks of taste, and those that do not know __attribute__((cleanup)) and reference counts, on which all our code stands (each g_autofree is
# a leak to them; AddressSanitizer looks for the real ones).
checks='-*,bugprone-*,clang-analyzer-*,-bugprone-easily-swappable-parameters,-bugprone-narrowing-conversions,-bugprone-reserved-identifier'
checks="$checks,-bugprone-assignment-in-if-condition,-bugprone-implicit-widening-of-multiplication-result,-bugprone-macro-parentheses"
checks="$checks,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling,-clang-analyzer-valist.Uninitialized"
checks="$checks,-clang-analyzer-unix.Malloc,-clang-analyzer-deadcode.DeadStores,-clang-analyzer-optin.performance.Padding"

tidy_one() {
	# shellcheck disable=SC2086
	clang-tidy --quiet --checks="$checks" "$1" -- $flags 2>/dev/null | sed "s|$PWD/||" | grep -E '^[^ ].*: (warning|error):' | sort -u
}

run_tidy() {
	flags=$(cflags | sed -E 's/ -(W[^ ]*|fcf-protection|fstack-clash-protection|D_FORTIFY_SOURCE=.|O2)//g') || exit 2
	export flags
	{ if [ $# -gt 0 ]; then printf '%s\n' "$@"; else sources 'lib/*.c' 'host/*.c' 'server/*.c' 'client/*.c' 'drivers/*.c' | grep -v '/test_'; fi; } |
		xargs -P"$jobs" -n1 sh tests/lint.sh tidy-one | sort -u >"$found"
	verdict tidy
}

# C files that differ from what was landed last: from where this branch left main, or, on main, from the commit before.
changed() {
	base=$(git merge-base HEAD "$(git rev-parse --verify -q origin/main || git rev-parse --verify -q main || echo HEAD)" 2>/dev/null)
	[ "$base" = "$(git rev-parse HEAD)" ] && base=$(git rev-parse --verify -q HEAD~1 || echo "$base")
	{ git diff --name-only --diff-filter=d "$base" --; git ls-files -o --exclude-standard; } | grep -E '^(lib|host|server|client|drivers)/.*\.c$' | grep -v '/test_' | sort -u
}

run_tidy_changed() {
	changed >"$found.list"
	if [ -s "$found.list" ]; then
		# shellcheck disable=SC2046
		run_tidy $(cat "$found.list")
	else
		: >"$found"
		verdict 'tidy (nothing has changed)'
	fi
}

what=${1:-all}
[ $# -gt 0 ] && shift
case $what in
rules | headers | format | cppcheck) run_"$what" ;;
tidy) run_tidy "$@" ;;
tidy-changed) run_tidy_changed ;;
tidy-one) # of run_tidy, with $flags
	kept tidy "$(hash_of "$1")" tidy_one "$1"
	exit
	;;
header-one) # of run_headers, with $flags
	checks=header kept headers "$(hash_of "$1")" header_alone "$1"
	exit
	;;
all) for w in rules headers format cppcheck tidy; do run_$w; done ;;
*)
	echo "usage: sh tests/lint.sh [rules|headers|format|cppcheck|tidy-changed|tidy [FILE...]]" >&2
	exit 2
	;;
esac
echo "1..$n"
exit $failed
