DRIVER_PKGS += libmosquitto
