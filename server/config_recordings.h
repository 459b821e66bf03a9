#pragma once
/* `recordings:` of server.yaml, and what the environment says of them. Main thread, once at start. */
#include "lib/config.h"
#include "server/recordings/recordings.h"

#define TB_CONFIG_RECORDINGS                                                                                 \
        {                                                                                                    \
                .name = "recordings", .type = TB_PARAM_OBJECT, .fallback = "{}",                             \
                .help = "of calls: their master key, how long, how much"                                     \
        }

void tb_config_recordings_read(TbRecordingsConfig *c, TbConfigReader *r, const json_t *top);
void tb_config_recordings_environment(TbRecordingsConfig *c, TbConfigReader *r);
void tb_config_recordings_clear(TbRecordingsConfig *c);
