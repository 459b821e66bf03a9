#pragma once
/* The section `blob` of the configuration, and its variables (requirements S1.49 to S1.52, S1.64). Main thread. */
#include "lib/config.h"
#include "server/blob/blob.h"

#define TB_CONFIG_CLIP_BYTES 268435456 /* TB_LIMIT_CLIP_BYTES, as JSON says it */

/* Reads it of the whole configuration `top`; *ret_clip_bytes: of one clip at most. What is wrong is a problem of `r`. Keys come from the
 * environment, or from files that the section names. */
void tb_config_blob_read(TbBlobOptions *options, gint64 *ret_clip_bytes, TbConfigReader *r,
                         const json_t *top);
void tb_config_blob_environment(TbBlobOptions *options, TbConfigReader *r);
/* After both: whether it is enough, and what was not said. */
void tb_config_blob_finish(TbBlobOptions *options, TbConfigReader *r, gint64 clip_bytes,
                           const char *state_dir);
