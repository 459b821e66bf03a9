DRIVER_PKGS += zlib
