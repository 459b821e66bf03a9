#pragma once
/*
 * What a request that is carried to a host is about, and what its caller may there. A path that names a device is about that
 * device; everything else of a host is about all of it. Pure: any thread.
 */
#include "lib/http/caller.h"

/* The role with which `caller` comes to this path ("/host/devices/board/power", still encoded; `query` may be NULL) of the host.
 * TB_ROLE_NONE: it is none of his. */
TbRole tb_reach_role(const TbCaller *caller, const char *host, const char *path, const char *query);
