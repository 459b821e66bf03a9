# the manifest of an APK is deflated
DRIVER_PKGS += zlib
