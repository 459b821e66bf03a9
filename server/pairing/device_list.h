#pragma once
/*
 * The devices of one host as the server keeps them: their ids, and of each the text that the lists of everybody are
 * put together from, so that nothing is computed for who asks. What the server does not know is not kept; every
 * string is bounded as the host bounds it. Immutable. Main thread.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "lib/http/grants.h"

typedef struct TbDeviceList TbDeviceList;

/* `list`: DEVICE of docs/PROTOCOL.md; NULL: no devices. Errors: TB_ERROR_INVALID (not a list of devices),
 * TB_ERROR_TOO_LARGE (beyond TB_LIMIT_DEVICE_LIST). */
TbDeviceList *tb_device_list_new(json_t *list, GError **error);
void tb_device_list_free(TbDeviceList *list); /* NULL is fine */

bool tb_device_list_has(const TbDeviceList *list, const char *id);
guint tb_device_list_count(const TbDeviceList *list);
gsize tb_device_list_size(const TbDeviceList *list); /* bytes of its JSON text */

/* Who reads it: what he may not see is left out. Without grants (NULL) all is there. */
typedef struct TbSight {
        const TbGrants *grants; /* borrowed; NULL: everything */
        TbRole role;
        const TbGrants
                *only;     /* borrowed; and of that what he asks for, as a viewer there; NULL: everything */
        const char *share; /* borrowed; of sessions: those that this one has made; NULL: of everybody */
} TbSight;

bool tb_sight_has_host(const TbSight *sight, const char *host);
bool tb_sight_has(const TbSight *sight, const char *host, const char *device);

/* That text, [{"id":"board",…},…], of a host of this name. */
void tb_device_list_append(const TbDeviceList *list, const char *host, const TbSight *sight, GString *out);
/* The devices of one among many hosts, each followed by a comma: {"id":"lab-1/board",…,"host","device","online"}. */
void tb_device_list_append_of_host(const TbDeviceList *list, const char *host, bool online,
                                   const TbSight *sight, GString *out);
