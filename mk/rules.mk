# How things are compiled and linked.
$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

# What is made anew each time is replaced only by something else. Each make writes a file of its own: two may run at once.
settle = { cmp -s $@.$$$$ $@ && rm $@.$$$$ || mv $@.$$$$ $@; }

# one object holds the version: a new commit compiles and links little
$(BUILD)/gen/version.c: FORCE
	@mkdir -p $(@D)
	@printf '#include "lib/version.h"\n\nconst char tb_version[] = "%s";\n' '$(VERSION)' > $@.$$$$ && $(settle)

# SQL of the server, embedded
$(BUILD)/gen/sql.c: FORCE
	@mkdir -p $(@D)
	@sh mk/sql.sh > $@.$$$$ && $(settle)

define archive
	@rm -f $@
	@echo "  AR    $@"
	$(Q)$(AR) rcs $@ $^
endef

$(LIBTB): $(call obj,$(LIB_SRCS)) $(BUILD)/obj/gen/version.o
	$(archive)
$(LIBDRIVERS): $(call obj,$(DRIVER_SRCS)) $(BUILD)/obj/gen/drivers_gen.o
	$(archive)
$(LIBHOST): $(call obj,$(HOST_SRCS))
	$(archive)
$(LIBSERVER): $(call obj,$(SERVER_SRCS)) $(BUILD)/obj/gen/sql.o
	$(archive)
$(LIBCLIENT): $(call obj,$(CLIENT_SRCS))
	$(archive)

define link
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS) $(filter-out $(LINK_OBJS),$(1)) $(LINK_OBJS) -Wl,--start-group $(2) -Wl,--end-group $(LIBS) -o $@
endef

$(BUILD)/testbed-host: $(call obj,host/main.c) $(LIBHOST) $(LIBDRIVERS) $(LIBTB)
	$(call link,$<,$(LIBHOST) $(LIBDRIVERS) $(LIBTB))
$(BUILD)/testbed-media: $(call obj,$(MEDIA_MAIN)) $(LIBHOST) $(LIBTB)
	$(call link,$<,$(LIBHOST) $(LIBTB))
$(BUILD)/testbed-server: $(call obj,server/main.c) $(LIBSERVER) $(LIBTB)
	$(call link,$<,$(LIBSERVER) $(LIBTB))
$(BUILD)/testbed-worker: $(call obj,$(WORKER_MAIN)) $(LIBSERVER) $(LIBTB)
	$(call link,$<,$(LIBSERVER) $(LIBTB))
$(BUILD)/testbed: $(call obj,client/main.c) $(LIBCLIENT) $(LIBTB)
	$(call link,$<,$(LIBCLIENT) $(LIBTB))

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
