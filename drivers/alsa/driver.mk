DRIVER_PKGS += alsa
