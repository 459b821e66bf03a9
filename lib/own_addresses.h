#pragma once
/* The addresses by which others on the same networks reach this machine. Any thread. */
#include <glib.h>

/* Numeric, of interfaces that are up, neither loopback nor link-local; IPv4 first, private ones before others, each once.
 * At most TB_LIMIT_OWN_ADDRESSES. Never NULL; the caller frees. */
char **tb_own_addresses(void);
