#pragma once
/*
 * Who may talk to us from a browser. Pure: text in, verdict out; any thread.
 *
 * A web page of another origin can make a browser send requests to this machine, and DNS rebinding can make
 * such a page look like our own. So the name in Host must be ours, and whatever changes something must come
 * from our own pages (or from a program, which sends no Origin).
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbGuard {
        bool loopback;            /* the listener is bound to loopback only */
        const char *address;      /* own address as text; borrowed, may be NULL */
        const char *machine;      /* own host name; borrowed, may be NULL */
        const char *const *hosts; /* further names; borrowed, may be NULL */
        const char
                *own; /* origin of the public URL, of our own pages behind a proxy; borrowed, may be NULL */
        const char *const *origins; /* foreign origins that are allowed; borrowed, may be NULL */
} TbGuard;

/* "name", "name:port", "1.2.3.4:5", "[::1]:5" -> name without brackets and port, lower case; false when it is
 * none of these. */
bool tb_host_split(const char *text, char *ret_name, gsize size);
/* `host`: the Host header. `local`: address text of the socket that took the connection. */
bool tb_guard_host(const TbGuard *guard, const char *host, const char *local);
/* Whether `origin` is http(s)://<host> itself, guard->own, or one of guard->origins (*ret_listed). NULL origin: true. */
bool tb_guard_origin(const TbGuard *guard, const char *origin, const char *host, bool *ret_listed);
/* Whether it is a page of this machine's or of a private IPv4 network's, whatever its port; with `tunnels` also one behind ngrok. */
bool tb_guard_neighbour(const char *origin, bool tunnels);
/* The verdict on a request that changes something or opens a WebSocket. */
bool tb_guard_unsafe(const TbGuard *guard, const char *origin, const char *fetch_site, const char *host);
