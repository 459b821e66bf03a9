DRIVER_PKGS += libmodbus
