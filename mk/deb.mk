# make deb: Debian packages of what is built, in $(DEB). mk/debian is the packaging; the top level has no folder of its own for it.
DEB ?= build/deb
# Of a tag (v1.2, or commits after it: 1.2+3.gabc); a tree without one goes by the date of its commit, so that a later one is an upgrade.
DEB_DATE = $(shell git log -1 --format=%cd --date=format:%Y%m%d%H%M%S 2>/dev/null || echo 0)
DEB_VERSION = $(shell echo '$(VERSION)' | sed -E 's/^v?([0-9]+\.)/\1/; t tag; s/^/0+git$(DEB_DATE)./; :tag; s/-/+/; s/-/./g')
DEB_STAGE = $(DEB)/source/debian

.PHONY: deb deb-version
deb-version:
	@echo '$(DEB_VERSION)'
deb: all deps-deb ## Debian packages testbed, testbed-host, testbed-server, testbed-web in build/deb
	@rm -rf $(DEB) && mkdir -p $(DEB)/source && cp -r mk/debian $(DEB_STAGE)
	@$(MAKE) --no-print-directory install VERSION='$(VERSION)' DESTDIR=$(abspath $(DEB))/files PREFIX=/usr LIBDIR=/lib >/dev/null
	@printf 'testbed (%s) unstable; urgency=medium\n\n  * Made by `make deb` of %s.\n\n -- Testbed maintainers <testbed@example.org>  %s\n' '$(DEB_VERSION)' '$(VERSION)' "$$(date -R)" >$(DEB_STAGE)/changelog
	@cd $(DEB)/source && RECOMMENDS="$$(echo $(DEPS_HOST) | sed 's/ /, /g')" debian/rules binary >../log 2>&1 || { tail -30 ../log; exit 1; }
	@ls $(DEB)/*.deb

# A Debian 12 with what the packages depend on, made once
DEB_BASE ?= build/deb-base
DEB_MIRROR ?= http://deb.debian.org/debian
.PHONY: deb-test
deb-test: ## minutes, root: install, use, upgrade, remove and purge the packages in a Debian that its own systemd starts
	$(call apt-install,$(DEPS_DEB) $(DEPS_DEB_TEST))
	+@for v in 1.0 1.1; do DEB_BUILD_OPTIONS=noautodbgsym $(MAKE) $(JOBS) --no-print-directory deb VERSION=$$v DEB=build/deb-test/$$v || exit 1; done
	@sh tests/deb/base.sh $(DEB_BASE) $(DEB_MIRROR) build/deb-test/1.0/*.deb
	@DEB_BASE=$(DEB_BASE) node --test --test-reporter=spec tests/deb/packages.test.mjs
