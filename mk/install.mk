# make install DESTDIR= PREFIX=
PREFIX ?= /usr/local
DESTDIR ?=

.PHONY: install image
install: all ## install binaries, web pages, units, udev rules, man pages
	install -Dm755 -t $(DESTDIR)$(PREFIX)/bin $(PROGRAMS)
	mkdir -p $(DESTDIR)$(PREFIX)/share/testbed
	cp -r web $(DESTDIR)$(PREFIX)/share/testbed/
	rm -rf $(DESTDIR)$(PREFIX)/share/testbed/web/tests
	if [ -d docs/man ]; then install -Dm644 -t $(DESTDIR)$(PREFIX)/share/man/man1 docs/man/*.1; fi
	if [ -d mk/install ]; then install -Dm644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system mk/install/*.service; \
	install -Dm644 -t $(DESTDIR)$(PREFIX)/lib/udev/rules.d mk/install/*.rules; \
	install -Dm644 -t $(DESTDIR)/etc/testbed mk/install/*.yaml; fi
