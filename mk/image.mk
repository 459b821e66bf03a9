# make image: the container images of docker/. Docker is asked for, never installed. Options:
#   BASE=image:tag     another Debian 12 to build on and from
#   NETWORK=host       network of the build's own downloads
#   DOCKER=docker      the engine's command
BASE ?= debian:12-slim
NETWORK ?=
DOCKER ?= docker
IMAGES := host server

.PHONY: image image-packages
image: ## container images testbed-host, testbed-server (BASE=image:tag NETWORK=host)
	@command -v $(DOCKER) >/dev/null || { echo 'make image: $(DOCKER) is not installed (Debian: apt-get install docker.io)' >&2; exit 1; }
	@$(DOCKER) info >/dev/null || { echo 'make image: $(DOCKER) does not answer; does its daemon run (systemctl start docker), and are you in its group?' >&2; exit 1; }
	@for i in $(IMAGES); do $(DOCKER) build $(if $(NETWORK),--network=$(NETWORK)) --build-arg BASE=$(BASE) --build-arg VERSION=$(VERSION) \
		-f docker/$$i/Dockerfile -t testbed-$$i:$(VERSION) -t testbed-$$i:latest . || exit 1; done
	@echo 'made $(IMAGES:%=testbed-%:$(VERSION)); docker/README.md says how to start them'

# Inside of the build: the Debian packages that each image needs to run its program, in $(DESTDIR)/packages-*
image-packages: all
	set -e; libraries=$$(sh docker/scripts/libraries.sh $(BUILD)/testbed-host $(BUILD)/testbed-media) && echo $(DEPS_HOST) $(DEPS_HOST_IMAGE) $$libraries >$(DESTDIR)/packages-host
	set -e; libraries=$$(sh docker/scripts/libraries.sh $(BUILD)/testbed-server) && echo $$libraries >$(DESTDIR)/packages-server
