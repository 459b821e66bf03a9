DRIVER_PKGS += libserialport libudev
