#pragma once
/* testbed-server --add-user: an account from the command line, also the first one. Blocks; no main loop. */
#include "server/config.h"

/* Asks for the password twice at a terminal, else reads one line of stdin. What it did, in words; the caller frees. */
char *tb_add_user(const TbServerConfig *config, const char *name, const char *role, GError **error);
