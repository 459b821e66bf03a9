#pragma once
/* QR codes (libqrencode), error correction level H, four modules of quiet zone. Pure. */
#include <glib.h>

/* NULL with TB_ERROR_TOO_LARGE when the text does not fit. */
GBytes *tb_qr_svg(const char *text, GError **error);
GBytes *tb_qr_png(const char *text, GError **error);
