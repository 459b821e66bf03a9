# Debian 12 packages and npm packages. `make deps` = everything; `make run` installs only what running needs. The images (docker/) are made of these
# lists, too: BUILD and PAGES make them, HOST and HOST_IMAGE are in them.
DEPS_BUILD := make gcc libc6-dev ca-certificates pkg-config git libglib2.0-dev libjansson-dev libpcre2-dev libyaml-dev libmicrohttpd-dev libwslay-dev libssl-dev libsoup-3.0-dev \
	libusb-1.0-0-dev libserialport-dev libudev-dev libvncserver-dev libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev \
	libgstreamer-plugins-bad1.0-dev libnice-dev libx11-dev libxtst-dev libxext-dev libxdamage-dev libxfixes-dev libxrandr-dev libxcb1-dev libxcb-shm0-dev libxcb-damage0-dev libxcb-xfixes0-dev libxcb-xtest0-dev \
	libxcb-randr0-dev libxcb-xinput-dev libxau-dev libqrencode-dev libsqlite3-dev libpq-dev libhiredis-dev libjose-dev libsodium-dev libcurl4-openssl-dev libsnmp-dev libmosquitto-dev libmodbus-dev libgpiod-dev \
	libturbojpeg0-dev libpng-dev libcairo2-dev zlib1g-dev libzip-dev libisal-dev libyuv-dev libxkbcommon-dev libxkbcommon-x11-dev libxcb-xkb-dev libpulse-dev libasound2-dev
DEPS_PAGES := nodejs npm
# what testbed-server reads when it tells somebody by https
DEPS_SERVER := ca-certificates
# what testbed-host loads, starts or reads when it is there
DEPS_GSTREAMER := gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-nice
DEPS_HOST := $(DEPS_GSTREAMER) adb ipmitool fonts-dejavu-core
# The images take of those sets only the plugins whose elements are made somewhere (docker/README.md): the sets' own libraries are 400 MB.
# tests/house/image.test.mjs runs the host with these alone.
GST_PLUGINS := app videoconvertscale x264 vpx va nvcodec qsv openh264 videoparsersbad video4linux2 rtp rtpmanager webrtc nice dtls srtp sctp audioconvert audioresample opus
DEPS_HOST_IMAGE := tini
# the lab container: a desktop, and who keeps it alive
DEPS_LAB_IMAGE := supervisor xvfb blackbox xterm firefox-esr
# the demo bench
DEPS_RUN := $(DEPS_HOST) $(DEPS_PAGES) qemu-system-x86 u-boot-qemu xvfb xterm fluxbox x11-apps x11-utils x11-xserver-utils busybox-static
# `make deb`, and who checks its packages
DEPS_DEB := debhelper
DEPS_DEB_TEST := debootstrap socat curl
# the inside of the lab container, scripts, compose files
DEPS_LAB_TEST := supervisor blackbox libjpeg-turbo-progs shellcheck docker-compose
# an engine for `make image-test`
DEPS_IMAGE_TEST := docker.io debootstrap
DEPS_TEST := $(DEPS_DEB) $(DEPS_LAB_TEST) lintian ffmpeg gstreamer1.0-tools libtesseract5 tesseract-ocr-eng systemd curl openssl clang clang-format clang-tidy cppcheck libclang-rt-14-dev chromium firefox-esr socat python3 python3-serial python3-labgrid ser2net python3-zeroconf python3-aiortc python3-prometheus-client vncsnapshot gvncviewer \
	xdotool xclip iproute2 nftables util-linux coturn x11vnc tigervnc-standalone-server tigervnc-scraping-server tigervnc-viewer websockify novnc python3-flask gunicorn wrk zbar-tools cpio xz-utils zstd uhubctl nginx-light caddy redis-server postgresql \
	python3-fastapi python3-sqlalchemy python3-psycopg2 uvicorn gpsd gpsd-clients python3-pymodbus python3-serial-asyncio prometheus-node-exporter snmpd snmp openipmi mosquitto mosquitto-clients python3-aiosmtpd pulseaudio pulseaudio-utils libasound2-plugins espeak-ng

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

.PHONY: deps deps-packages deps-build deps-gstreamer deps-run deps-deb deps-test deps-image-test
deps: deps-test ## install everything that building, running and testing need
deps-packages:
	$(call apt-install,$(DEPS_BUILD) $(DEPS_PAGES))
deps-build: deps-packages ## install what `make install` needs, no more
	$(call npm-install,web)
deps-gstreamer:
	$(call apt-install,$(DEPS_GSTREAMER))
deps-run:
	$(call apt-install,$(DEPS_BUILD) $(DEPS_RUN))
	$(call npm-install,web)
deps-deb:
	$(call apt-install,$(DEPS_DEB))
deps-image-test: deps-test
	$(call apt-install,$(DEPS_IMAGE_TEST))
deps-test:
	$(call apt-install,$(DEPS_BUILD) $(DEPS_RUN) $(DEPS_TEST))
	$(call npm-install,web)
	$(call npm-install,tests)
	$(call npm-install,tests/counterparts)
