#pragma once
/*
 * A configuration that is read again while a daemon runs (SIGHUP). What can change does, what cannot is said; a file with a
 * problem changes nothing at all. Main thread.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "lib/config.h"
#include "lib/log.h"

typedef struct TbReload { /* of one configuration; all borrowed */
        TbAuth *auth;
        TbTls *tls; /* NULL: plain HTTP */
        TbLogLevel log_level;
        json_t *prints; /* tb_config_prints() */
} TbReload;

/* {field: a hash of its value} of a configuration's top level: what has changed can be told, and nothing secret is kept. New
 * reference. */
json_t *tb_config_prints(TbConfigReader *r);
/*
 * Takes over from `fresh` what can change: tls (the files are read again whether their names changed or not), tokens, the
 * log level. `more` (NULL-terminated): further fields that the caller takes over. Logs what was read, and which
 * changed fields need a restart. Gives the names whose tokens are gone; the caller frees with g_strfreev().
 */
char **tb_reload_take(TbReload *now, const TbReload *fresh, const char *const *more);
