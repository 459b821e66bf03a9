# make install DESTDIR= PREFIX=
PREFIX ?= /usr/local
DESTDIR ?=
WEBDIR := $(DESTDIR)$(PREFIX)/share/testbed/web
LIBDIR := $(PREFIX)/lib
UNITDIR := $(DESTDIR)$(LIBDIR)/systemd/system
COMPLETIONS := $(DESTDIR)$(PREFIX)/share/bash-completion/completions

# The pages as they are served: bundled, with gzip and brotli beside each file (mk/pages.mjs). Without esbuild, which `make deps` brings, web/ is
# served as it lies there.
PAGES := build/pages
BUNDLER := web/node_modules/esbuild/package.json
PAGES_OF := $(shell find web -name node_modules -prune -o -path web/tests -prune -o -type f -print) mk/pages.mjs mk/icons.mjs
.PHONY: pages
pages: $(if $(wildcard $(BUNDLER)),$(PAGES)/.made) ## the pages as they are served: bundled and compressed
$(PAGES)/.made: $(PAGES_OF) $(BUNDLER)
	$(Q)node mk/pages.mjs $(PAGES) && touch $@

.PHONY: install
install: all ## install binaries, web pages, units, udev rules, users, man pages, completion
	@[ -e web/node_modules/.installed-lock ] || { echo 'the pages need their npm packages: run "make deps" first' >&2; exit 1; }
	install -Dm755 -t "$(DESTDIR)$(PREFIX)/bin" $(PROGRAMS)
	rm -rf "$(WEBDIR)"
	install -d "$(WEBDIR)"
	@# the pages as they were made, and the packages under vendor/; without esbuild (make deps): as they lie in web/
	tar -C $(if $(wildcard $(BUNDLER)),$(PAGES),web) -cf - --exclude=./tests --exclude=./README.md --exclude=.gitignore --exclude=./node_modules --exclude=.made \
		--owner=0 --group=0 --mode=u=rwX,go=rX . | tar -C "$(WEBDIR)" -xf -
	tar -C web -cf - --exclude=.installed-lock --exclude=.package-lock.json --exclude='*.map' --exclude='*.d.ts' --exclude='./node_modules/@xterm/*/src' --exclude='node_modules/.bin' \
		--exclude='node_modules/esbuild' --exclude='node_modules/@esbuild' --owner=0 --group=0 --mode=u=rwX,go=rX ./node_modules | tar -C "$(WEBDIR)" -xf -
	install -Dm644 -t "$(DESTDIR)$(PREFIX)/share/man/man1" docs/man/*.1
	install -Dm644 -t "$(DESTDIR)$(PREFIX)/share/doc/testbed" LICENSE
	install -Dm644 -t "$(DESTDIR)$(LIBDIR)/udev/rules.d" mk/install/*.rules
	for p in host server; do install -Dm644 mk/install/testbed-$$p.sysusers "$(DESTDIR)$(PREFIX)/lib/sysusers.d/testbed-$$p.conf" && \
		install -Dm644 mk/install/testbed-$$p.tmpfiles "$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/testbed-$$p.conf" && \
		install -Dm644 mk/install/testbed-$$p.completion "$(COMPLETIONS)/testbed-$$p" || exit 1; done
	$(BUILD)/testbed completion bash >"$(COMPLETIONS)/testbed"
	install -d "$(UNITDIR)"
	for u in mk/install/*.service; do sed 's|/usr/local|$(PREFIX)|' $$u >"$(UNITDIR)/$${u##*/}" && chmod 644 "$(UNITDIR)/$${u##*/}" || exit 1; done
	for c in mk/install/*.yaml; do f="$(DESTDIR)/etc/testbed/$${c##*/}"; [ -e "$$f" ] || install -Dm640 $$c "$$f" || exit 1; done
	@[ -n "$(DESTDIR)" ] || echo 'next: systemd-sysusers; systemd-tmpfiles --create; systemctl daemon-reload; systemctl enable --now testbed-host'
