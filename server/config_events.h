#pragma once
/* The section `events` of the configuration, and their variables (requirements S1.45 to S1.65), with `blob` (config_blob.h). Main thread. */
#include "lib/config.h"
#include "server/events/events.h"

#define TB_CONFIG_LOGINS 10   /* of one address … */
#define TB_CONFIG_LOGINS_S 60 /* … in so many seconds */

/* Reads them of the whole configuration `top`. What is wrong is a problem of `r`. */
void tb_config_events_read(TbEventsOptions *options, TbConfigReader *r, const json_t *top);
void tb_config_events_environment(TbEventsOptions *options, TbConfigReader *r);
