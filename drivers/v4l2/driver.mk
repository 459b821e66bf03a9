DRIVER_PKGS += libudev
