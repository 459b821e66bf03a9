#pragma once
/* Where a clip goes. All blocking, on the uplink's own thread. */
#include <gio/gio.h>
#include <jansson.h>
#include <stdbool.h>

/* One clip on its way. */
typedef struct TbUplinkClip {
        const char *id, *device;
        const char *folder;   /* here */
        const char *name;     /* there: "prefix/host/device/clip" */
        const json_t *about;  /* clip.json */
        json_t *kept;         /* uplink.json: what a target may want to know again after a restart */
        GCancellable *cancel; /* ref of who calls */
        void (*progress)(void *data, gint64 bytes); /* so many more went */
        void *data;
} TbUplinkClip;

typedef struct TbUplinkTarget TbUplinkTarget;

/* `uplink`: of the configuration; `key`: tb_uplink_key(). Both are copied. */
TbUplinkTarget *tb_uplink_target_new(const json_t *uplink, const char *key);
void tb_uplink_target_free(TbUplinkTarget *target);
/* In words, without anything secret: "the bucket clips". Borrowed; any thread. */
const char *tb_uplink_target_name(const TbUplinkTarget *target);
/* One file of it. TB_ERROR_UNPROCESSABLE: it will not be taken at the next try either; G_IO_ERROR_CANCELLED; all else: later. */
bool tb_uplink_send(TbUplinkTarget *target, TbUplinkClip *clip, const char *file, GError **error);
/* Whether this target wants that file of a clip at all. */
bool tb_uplink_wants(const TbUplinkTarget *target, const char *file);

/* When it is tried again: a pause that doubles, from 2 s to 10 minutes, a fifth of it by chance of the clip. Pure. */
gint64 tb_uplink_pause_ms(const char *clip, guint tries);
