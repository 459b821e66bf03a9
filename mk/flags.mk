# Compiler and linker flags, and where a variant is built.
CC := gcc
AR := ar
VARIANT ?=
BUILD := build$(if $(VARIANT),/$(VARIANT))
V ?=
Q := $(if $(V),,@)

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

LIB_PKGS := glib-2.0 gio-unix-2.0 jansson yaml-0.1 libmicrohttpd libssl libcrypto libpcre2-8
HOST_PKGS := zlib gstreamer-1.0 gstreamer-app-1.0 gstreamer-video-1.0 gstreamer-audio-1.0 gstreamer-webrtc-1.0 gstreamer-sdp-1.0 gstreamer-rtp-1.0 \
	nice libvncserver libsoup-3.0 libssl libturbojpeg libpng cairo xkbcommon
SERVER_PKGS := libqrencode sqlite3 libpq libsodium libcurl jose
# programs in tests/tools; --as-needed keeps them out of everything else
TOOL_PKGS := x11 xext libvncclient
# a driver names its own libraries in drivers/<name>/driver.mk: DRIVER_PKGS += libusb-1.0; these are drivers/transport's
DRIVER_PKGS := libserialport libsoup-3.0 libudev
-include $(wildcard drivers/*/driver.mk)
PKGS := $(sort $(LIB_PKGS) $(HOST_PKGS) $(SERVER_PKGS) $(DRIVER_PKGS) $(TOOL_PKGS))

ifeq ($(filter deps deps-build deps-run deps-test help clean run format image,$(MAKECMDGOALS)),)
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) || echo PKG_CONFIG_FAILED)
PKG_LIBS := $(shell pkg-config --libs $(PKGS))
ifneq ($(filter PKG_CONFIG_FAILED,$(PKG_CFLAGS)),)
$(error libraries are missing: run "make deps" first)
endif
else
PKG_CFLAGS :=
PKG_LIBS :=
endif

# VNC's deflate by Intel's ISA-L where Debian has it; else zlib
ifneq ($(shell pkg-config --exists libisal 2>/dev/null && echo yes),)
PKG_CFLAGS += -DTB_WITH_ISAL
PKG_LIBS += $(shell pkg-config --libs libisal)
endif

# RGB to YUV by libyuv (it has no pkg-config file); else by GStreamer
ifneq ($(shell printf '\#if __has_include(<libyuv/convert.h>)\nyes\n\#endif\n' | $(CC) -E -P - 2>/dev/null),)
PKG_CFLAGS += -DTB_WITH_LIBYUV
PKG_LIBS += -lyuv
endif

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wformat-nonliteral -Wundef \
	-Wwrite-strings -Wpointer-arith -Wswitch-enum -Wno-missing-field-initializers
ifneq ($(CI)$(WERROR),)
WARNINGS += -Werror
endif

OPTIMISE := -O2 -g
# where a processor can hold jumps to their targets, each by its own name
MACHINE := $(shell $(CC) -dumpmachine)
BRANCHES := $(if $(filter x86_64-%,$(MACHINE)),-fcf-protection)$(if $(filter aarch64-%,$(MACHINE)),-mbranch-protection=standard)
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection $(BRANCHES)
LINK_HARDEN := -pie -Wl,-z,relro,-z,now,-z,noexecstack
# gold: each C test is linked with everything, and that takes it a third of the time
# -g1: the lines of a report, and a seventh less time to compile
ifeq ($(VARIANT),asan)
OPTIMISE := -O1 -g1 -fno-omit-frame-pointer
HARDEN := -fsanitize=address,undefined -fno-sanitize-recover=undefined
LINK_HARDEN := -fsanitize=address,undefined -pie -fuse-ld=gold
LINK_OBJS := $(BUILD)/obj/tests/asan.o
endif
ifeq ($(VARIANT),tsan)
OPTIMISE := -O1 -g1
HARDEN := -fsanitize=thread
LINK_HARDEN := -fsanitize=thread -pie -fuse-ld=gold
endif
ifeq ($(VARIANT),fuzz)
CC := clang
OPTIMISE := -O1 -g -fno-omit-frame-pointer
HARDEN := -fsanitize=address,undefined,fuzzer-no-link
LINK_HARDEN := -fsanitize=address,undefined,fuzzer
endif

# -isystem: warnings are for our code
CFLAGS = -std=gnu17 -D_GNU_SOURCE -DGST_USE_UNSTABLE_API -fPIE $(OPTIMISE) $(HARDEN) $(WARNINGS) -I. \
	$(patsubst -I%,-isystem %,$(PKG_CFLAGS))
LDFLAGS = $(LINK_HARDEN) -Wl,--as-needed
LIBS = -lwslay -lhiredis $(PKG_LIBS) -lm -lpthread
