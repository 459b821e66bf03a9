DRIVER_PKGS += libvncclient xkbcommon
