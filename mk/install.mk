# make install DESTDIR= PREFIX=
PREFIX ?= /usr/local
DESTDIR ?=

.PHONY: install
install: all ## install binaries, web pages, units, udev rules, man pages
	install -Dm755 -t $(DESTDIR)$(PREFIX)/bin $(PROGRAMS)
	mkdir -p $(DESTDIR)$(PREFIX)/share/testbed
	cp -r web $(DESTDIR)$(PREFIX)/share/testbed/
	rm -rf $(DESTDIR)$(PREFIX)/share/testbed/web/tests
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/man/man1 docs/man/*.1
	install -Dm644 -t $(DESTDIR)$(PREFIX)/lib/udev/rules.d mk/install/*.rules
	for u in mk/install/*.service; do sed 's|/usr/local|$(PREFIX)|' $$u | install -Dm644 /dev/stdin $(DESTDIR)$(PREFIX)/lib/systemd/system/$$(basename $$u); done
	for c in mk/install/*.yaml; do f=$(DESTDIR)/etc/testbed/$$(basename $$c); [ -e $$f ] || install -Dm640 $$c $$f; done
