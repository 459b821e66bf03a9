#pragma once
/* Server-Sent Events: the stream is followed, made again when it breaks, and goes on behind the last event that came. */
#include <stdbool.h>

#include "client/api.h"

/* The lines of a stream, as they come; split anywhere. Pure. */
typedef struct TbCliEvents {
        GString *line, *data; /* owned */
        char *id;             /* owned: the last one; NULL: none came */
} TbCliEvents;
void tb_cli_events_init(TbCliEvents *e);
void tb_cli_events_clear(TbCliEvents *e);
/* Calls `event` with the data of each whole event. False: it said so, or (TOO_LARGE) an event has more than TB_LIMIT_CLI_EVENT. */
bool tb_cli_events_feed(TbCliEvents *e, const char *bytes, gsize n,
                        bool (*event)(const char *data, gpointer user, GError **error), gpointer user,
                        GError **error);

/* Until `event` returns false, or the host refuses. `after`: NULL, or the event behind which it begins. A stream that breaks is
 * made again for five minutes. */
bool tb_cli_follow(TbCli *cli, const TbCliDevice *d, const char *path, const char *after,
                   bool (*event)(const char *data, gpointer user, GError **error), gpointer user,
                   GError **error);
