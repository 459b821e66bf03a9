#pragma once
/* The addresses by which others on the same networks reach this machine. Any thread. */
#include <glib.h>
#include <stdbool.h>

/* Numeric, of interfaces that are up, neither loopback nor link-local; IPv4 first, private ones before others, each once.
 * At most TB_LIMIT_OWN_ADDRESSES. Never NULL; the caller frees. */
char **tb_own_addresses(void);
/* Whether an interface of this machine has it, of whatever kind: numeric, without a zone. True also when
 * that cannot be found out. */
bool tb_address_is_own(const char *address);
