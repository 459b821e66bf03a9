#pragma once
/* A file that comes: under a short name beside its own until it is whole. A signal that ends us removes it. One at a time. */
#include <glib.h>
#include <stdbool.h>

/* A file in the folder of `local`. Returns the descriptor; -1: `error`. */
int tb_cli_partial_open(const char *local, GError **error);
/* All has come (`ok`): it gets its mode and its name. Otherwise it is removed; `error` is set then, if it was not before. */
bool tb_cli_partial_close(int fd, const char *local, guint mode, bool ok, GError **error);
