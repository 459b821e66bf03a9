DRIVER_PKGS += libusb-1.0 libudev
