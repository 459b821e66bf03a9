#pragma once
/* What the files about telescopes share (scopes.c, scope_sessions.c, scope_ws.c). Main thread. */
#include "host/api/compat/private.h"

/* By the device's id, its label, or the telescope's serial number: its mount. NULL: 404. */
TbInterface *tb_scope_find(TbApi *api, const char *name, GError **error);
/* The picture that "live" or "stacked" means. NULL: 503. */
TbInterface *tb_scope_video(TbInterface *mount, const char *stream, GError **error);
json_t *tb_scope_state(TbApi *api, const char *device); /* the last mount.state; borrowed; NULL: none yet */
bool tb_scope_is_connected(TbInterface *mount);
json_t *tb_scope_list(TbApi *api); /* new reference */
json_t *tb_scope_describe(TbApi *api, TbInterface *mount);

void tb_compat_add_scope_sessions(TbApi *api);
void tb_compat_add_scope_ws(TbApi *api);
