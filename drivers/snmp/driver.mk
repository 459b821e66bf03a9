DRIVER_PKGS += netsnmp
