DRIVER_PKGS += xcb xcb-shm xcb-damage xcb-xfixes xcb-randr xcb-xtest xcb-xinput xcb-xkb xkbcommon xkbcommon-x11 xau
