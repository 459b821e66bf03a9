DRIVER_PKGS += libvncclient
