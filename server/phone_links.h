#pragma once
/* Where a phone reaches this server: what a code that it scans may say. Main thread, but for the pure part. */
#include "server/server_private.h"

/* Addresses of this server for somebody in the room, without a slash at their end: `base` (as this request came, or the
 * configuration says) first, unless it means the phone itself (127.0.0.1, localhost) and the server hears on all
 * addresses: then `own` ones, by `scheme` and `port`. The configured `url` stands alone. Never empty; the caller frees. Pure. */
char **tb_phone_bases_of(const char *base, bool configured, const char *listens, const char *scheme,
                         guint16 port, char *const *own);
char **tb_phone_bases(TbRequest *request, TbServer *server);
/* phoneUrl, phoneUrls where there are several, authorityUrl where the certificate is our own, into `answer`. */
void tb_phone_links(TbRequest *request, TbServer *server, json_t *answer, const char *id, const char *token);
/* The same for a host that reaches us by `base` (nullable); `data`: TbServer. New reference. */
json_t *tb_phone_links_of_host(const char *base, const char *id, const char *token, gpointer data);
/* The base that ?base= names, or the first; NULL: it is none of ours, which is answered. The caller frees. */
char *tb_phone_base_asked(TbRequest *request, TbServer *server);

extern const TbRoute tb_server_phone_routes[];
