DRIVER_PKGS += libpulse
