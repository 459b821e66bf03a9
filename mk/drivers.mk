# The driver table is made of the folder names: a folder drivers/<name>/ exports tb_driver_<name>. Folders that begin with _ are templates.
DRIVER_NAMES := $(notdir $(DRIVER_DIRS))

.PHONY: FORCE
FORCE:
$(BUILD)/gen/drivers_gen.c: FORCE
	@mkdir -p $(@D)
	@{ echo '/* made by mk/drivers.mk from the folders in drivers/ */'; echo '#include "drivers/driver.h"'; \
	   for n in $(subst -,_,$(DRIVER_NAMES)); do echo "extern const TbDriver tb_driver_$$n;"; done; \
	   echo 'const TbDriver *const tb_drivers[] = {'; \
	   for n in $(subst -,_,$(DRIVER_NAMES)); do echo "        &tb_driver_$$n,"; done; echo '        NULL,'; echo '};'; } > $@.$$$$ && $(settle)

.PHONY: new-driver
new-driver: ## make new-driver NAME=foo KIND=line|http: a driver to start from
	@sh mk/new-driver.sh "$(NAME)" $(KIND)
