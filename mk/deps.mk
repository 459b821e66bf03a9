# Debian 12 packages and npm packages. `make deps` = everything; `make run` installs only what running needs. The images (docker/) are made of these
# lists, too: BUILD and PAGES make them, HOST and HOST_IMAGE are in them.
DEPS_BUILD := make gcc libc6-dev ca-certificates pkg-config git libglib2.0-dev libjansson-dev libpcre2-dev libyaml-dev libmicrohttpd-dev libwslay-dev libssl-dev libsoup-3.0-dev \
	libusb-1.0-0-dev libserialport-dev libudev-dev libvncserver-dev libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev \
	libgstreamer-plugins-bad1.0-dev libnice-dev libx11-dev libxtst-dev libxext-dev libxdamage-dev libxfixes-dev libxrandr-dev libxcb1-dev libxcb-shm0-dev libxcb-damage0-dev libxcb-xfixes0-dev libxcb-xtest0-dev \
	libxcb-randr0-dev libxcb-xinput-dev libxau-dev libqrencode-dev libsqlite3-dev \
	libturbojpeg0-dev libpng-dev libcairo2-dev zlib1g-dev libxkbcommon-dev
DEPS_PAGES := nodejs npm
# what testbed-host loads, starts or reads when it is there
DEPS_HOST := gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-nice adb fonts-dejavu-core
DEPS_HOST_IMAGE := tini
# the demo bench
DEPS_RUN := $(DEPS_HOST) $(DEPS_PAGES) qemu-system-x86 u-boot-qemu xvfb xterm fluxbox x11-apps x11-utils x11-xserver-utils busybox-static
# `make deb`, and who checks its packages
DEPS_DEB := debhelper
DEPS_DEB_TEST := debootstrap socat curl
DEPS_TEST := $(DEPS_DEB) lintian systemd curl clang clang-format clang-tidy cppcheck libclang-rt-14-dev chromium socat python3 python3-serial python3-prometheus-client vncsnapshot gvncviewer \
	xdotool iproute2 nftables util-linux coturn x11vnc tigervnc-standalone-server tigervnc-viewer websockify novnc python3-flask gunicorn wrk zbar-tools cpio xz-utils zstd uhubctl

SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
missing = $(shell for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || \
	{ [ $$p = npm ] && command -v npm >/dev/null; } || echo $$p; done)
define apt-install
	@set -- $(call missing,$(1)); if [ $$# -gt 0 ]; then echo "installing $$# Debian packages: $$*"; \
	$(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$* >/dev/null; fi
endef
# npm packages are installed again only when their lock file changed
define npm-install
	@if [ -f $(1)/package-lock.json ] && ! cmp -s $(1)/package-lock.json $(1)/node_modules/.installed-lock; then echo "installing npm packages of $(1)"; \
	(cd $(1) && npm ci --silent --no-audit --no-fund --ignore-scripts) && cp $(1)/package-lock.json $(1)/node_modules/.installed-lock; fi
endef

.PHONY: deps deps-build deps-run deps-deb deps-test
deps: deps-test ## install everything that building, running and testing need
deps-build: ## install what `make install` needs, no more
	$(call apt-install,$(DEPS_BUILD) $(DEPS_PAGES))
	$(call npm-install,web)
deps-run:
	$(call apt-install,$(DEPS_BUILD) $(DEPS_RUN))
	$(call npm-install,web)
deps-deb:
	$(call apt-install,$(DEPS_DEB))
deps-test:
	$(call apt-install,$(DEPS_BUILD) $(DEPS_RUN) $(DEPS_TEST))
	$(call npm-install,web)
	$(call npm-install,tests)
