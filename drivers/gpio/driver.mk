DRIVER_PKGS += libgpiod
