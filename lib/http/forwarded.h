#pragma once
/*
 * What a proxy says of its client: X-Forwarded-For as everybody writes it, and Forwarded (RFC 7239). Both are lists
 * to which each proxy appends the address that it saw; what stands left of the first address that is not a proxy of
 * ours was written by a stranger. Pure, any thread.
 */
#include <glib.h>
#include <stdbool.h>

#include "lib/net.h"
#include "lib/nets.h"

typedef enum TbHop {
        TB_HOP_NONE,    /* no such header */
        TB_HOP_CLIENT,  /* the right-most address that no proxy of ours has */
        TB_HOP_UNKNOWN, /* in its place stands no address ("unknown", "_hidden", nonsense) */
} TbHop;

/* "192.0.2.1", "192.0.2.1:4711", "[2001:db8::1]:4711", "2001:db8::1", quoted or not -> the address. False: none. */
bool tb_forwarded_address(const char *text, gsize size, char ret_address[TB_ADDRESS_TEXT]);
/* `forwarded_for`, `forwarded`: the headers' values (repeated ones joined by commas), nullable. When both are there
 * the first counts: proxies that know only that one hand the other on as the client wrote it. Where all are ours,
 * the left-most. */
TbHop tb_forwarded_client(const char *forwarded_for, const char *forwarded, const TbNets *trusted,
                          char ret_address[TB_ADDRESS_TEXT]);
/* A parameter ("proto") of the last element of Forwarded; the caller frees. NULL: not there. */
char *tb_forwarded_last(const char *forwarded, const char *name);
