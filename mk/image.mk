# make image: the container images of docker/. Docker is asked for, never installed. Options:
#   BASE=image:tag     another Debian 12 to build on and from
#   NETWORK=host       network of the build's own downloads
#   DOCKER=docker      the engine's command
BASE ?= debian:12-slim
NETWORK ?=
DOCKER ?= docker
IMAGES ?= host lab server

.PHONY: image image-host image-server
image: ## container images testbed-host, testbed-lab, testbed-server (BASE=image:tag NETWORK=host)
	@command -v $(DOCKER) >/dev/null || { echo 'make image: $(DOCKER) is not installed (Debian: apt-get install docker.io)' >&2; exit 1; }
	@$(DOCKER) info >/dev/null || { echo 'make image: $(DOCKER) does not answer; does its daemon run (systemctl start docker), and are you in its group?' >&2; exit 1; }
	@for i in $(IMAGES); do $(DOCKER) build $(if $(NETWORK),--network=$(NETWORK)) --build-arg BASE=$(BASE) --build-arg VERSION=$(VERSION) \
		-f docker/$$i/Dockerfile -t testbed-$$i:$(VERSION) -t testbed-$$i:latest . || exit 1; done
	@echo 'made $(IMAGES:%=testbed-%:$(VERSION)); docker/README.md says how to start them'

# Inside of the builds: what each image is made of besides `make install`, in $(DESTDIR)/image. Packages are found from the programs and the plugins.
# image-host wants DEPS_GSTREAMER installed.
IMAGE := $(DESTDIR)/image
# What was installed, without what nothing in an image opens: debug sections, and the files of packages that the pages bear in themselves.
define slim
	install -d $(IMAGE)
	strip --strip-debug $(addprefix $(DESTDIR)$(PREFIX)/bin/,$(notdir $(PROGRAMS)))
	find $(WEBDIR)/node_modules -type f ! -name '*.css' ! -iname 'licen[sc]e*' ! -name package.json -delete
	find $(WEBDIR)/node_modules -type d -empty -delete
endef
image-host: all
	$(slim)
	sh docker/image/plugins.sh $(IMAGE)/gstreamer $(GST_PLUGINS)
	set -e; libraries=$$(sh docker/image/libraries.sh $(BUILD)/testbed-host $(BUILD)/testbed-media $$(find $(IMAGE)/gstreamer -name '*.so')) \
		&& echo $(filter-out $(DEPS_GSTREAMER),$(DEPS_HOST)) $(DEPS_HOST_IMAGE) $$libraries >$(IMAGE)/packages-host
	echo $(DEPS_LAB_IMAGE) >$(IMAGE)/packages-lab
image-server: all
	$(slim)
	rm -r $(WEBDIR)/novnc
	set -e; libraries=$$(sh docker/image/libraries.sh $(BUILD)/testbed-server) && echo $$libraries $(DEPS_SERVER) >$(IMAGE)/packages-server

.PHONY: image-base image-test
image-base: ## a base image without a registry, by debootstrap: make image BASE=testbed-base:12
	sh docker/image/base.sh $(DOCKER) testbed-base:12
image-test: deps-image-test ## long: builds all images and uses them (starts an engine of its own where none answers)
	node --test --test-concurrency=1 tests/images/
