#pragma once
/* Which cameras this machine has. Reads sysfs, and opens each node once to see whether it gives pictures.
 * Thread: a worker. */
#include "drivers/driver.h"

/* v4l2:///dev/video0 or v4l2://1-1.3 (the camera at a USB port). Pure; INVALID with what to write instead. */
bool tb_v4l2_uri_check(const TbUri *uri, const json_t *params, GError **error);
/* The device file at this moment; GONE when nothing is plugged there. The caller frees. */
char *tb_v4l2_find(const TbUri *uri, const json_t *params, GError **error);

extern const TbDiscoveryOps tb_v4l2_discovery;
