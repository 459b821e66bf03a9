# What is compiled into what. Folders are found, never listed: a new file, driver or test needs no edit here.
LIB_SRCS := $(sort $(wildcard lib/*.c lib/*/*.c))
MEDIA_MAIN := host/media/peers/main.c
WORKER_MAIN := server/worker/main.c
HOST_SRCS := $(sort $(filter-out $(MEDIA_MAIN),$(wildcard host/*/*.c host/*/*/*.c)))
SERVER_SRCS := $(sort $(filter-out server/main.c $(WORKER_MAIN),$(wildcard server/*.c server/*/*.c)))
CLIENT_SRCS := $(sort $(filter-out client/main.c,$(wildcard client/*.c)))
DRIVER_DIRS := $(sort $(filter-out drivers/transport,$(patsubst %/,%,$(wildcard drivers/[!_]*/))))
DRIVER_SRCS := $(sort $(foreach d,$(DRIVER_DIRS) drivers/transport,$(filter-out $(d)/test_%.c,$(wildcard $(d)/*.c)))) $(wildcard drivers/*.c)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

LIBTB := $(BUILD)/libtb.a
LIBDRIVERS := $(BUILD)/libdrivers.a
LIBHOST := $(BUILD)/libhost.a
LIBSERVER := $(BUILD)/libserver.a
LIBCLIENT := $(BUILD)/libclient.a

PROGRAMS := $(if $(wildcard host/main.c),$(BUILD)/testbed-host $(BUILD)/testbed-media) $(if $(wildcard server/main.c),$(BUILD)/testbed-server $(BUILD)/testbed-worker) $(if $(wildcard client/main.c),$(BUILD)/testbed)
