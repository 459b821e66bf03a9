# an APK is a zip archive, and so is a bundle of them
DRIVER_PKGS += libzip
