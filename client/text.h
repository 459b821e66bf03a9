#pragma once
/* Texts of the command line. Pure. */
#include <glib.h>
#include <stdbool.h>

/* \n \r \t \e \0 \\ \xHH as in C. INVALID: what it is not. The result is UTF-8; \x80 and above are refused. The caller frees. */
char *tb_cli_unescape(const char *text, GError **error);
/* The last `max` bytes of it, at a character. The caller frees. */
char *tb_cli_tail_text(const char *text, gsize max);
