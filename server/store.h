#pragma once
/*
 * Sessions across restarts: one JSON file in the state folder, written as a whole and replaced at once. Tokens
 * are there as they are in memory, as SHA-256. Who was connected is not kept: clients say hello again. Main
 * thread.
 */
#include <stdbool.h>

#include "server/pairing.h"

/* False: nothing could be read, for a reason that is in `error`; a file that is not there is no error. Sessions
 * that ended in the meantime, and whatever is malformed, are left out. */
bool tb_sessions_load(TbPairing *pairing, const char *path, gint64 now_ms, GError **error);
bool tb_sessions_save(TbPairing *pairing, const char *path, GError **error);
/* Changes with every session that comes or goes. */
guint64 tb_sessions_stamp(const TbPairing *pairing);
