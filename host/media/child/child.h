#pragma once
/*
 * The process testbed-media as testbed-host sees it: started, asked twice a second whether it still answers,
 * killed when it does not, started again after a pause that grows. Thread: main.
 */
#include <sys/types.h>

#include "host/media/child/pictures.h"
#include "host/media/link/link.h"

typedef struct TbMediaChild TbMediaChild;

/* None inside of a call of this header. */
typedef struct TbMediaChildCallbacks {
        void (*message)(const TbLinkMessage *message, void *data); /* all but READY and PONG */
        /* It has ended, with all that it had: the link is not there any more. */
        void (*lost)(const char *why, void *data);
        void (*changed)(void *data); /* tb_media_child_why(), or it became ready */
} TbMediaChildCallbacks;

/* `program`: NULL: testbed-media beside the binary of this process. Copied. Nothing is started. */
TbMediaChild *tb_media_child_new(const char *program, const TbLinkSetup *setup,
                                 const TbMediaChildCallbacks *callbacks, void *data);
/* Hangs up; who does not end by itself in TB_MEDIA_CHILD_GRACE_MS is killed. No callback. Accepts NULL. */
void tb_media_child_free(TbMediaChild *child);

/* Starts it, unless it runs or a pause is under way. */
void tb_media_child_start(TbMediaChild *child);
/* Borrowed until `lost`; NULL: it does not run. What is sent before it is ready waits. */
TbLink *tb_media_child_link(TbMediaChild *child);
/* What phones send; borrowed until `lost`; NULL: it does not run, or there is no thread for it. */
TbPictures *tb_media_child_pictures(TbMediaChild *child);
/* It sent what it may not: it is killed, and `lost` follows. */
void tb_media_child_distrust(TbMediaChild *child, const char *why);

/* NULL: it runs, or was never needed; else why it does not. Borrowed until `changed`. */
const char *tb_media_child_why(TbMediaChild *child);
pid_t tb_media_child_pid(TbMediaChild *child); /* 0: none */
/* False: it has not said it yet. */
bool tb_media_child_guards(TbMediaChild *child, TbLinkReady *ret_ready);

/* Before it is started again after that many crashes in a row (>= 1): it doubles, up to TB_LIMIT_MEDIA_RESTART_MS for the
 * first TB_LIMIT_MEDIA_CRASHES, then up to TB_LIMIT_MEDIA_PAUSE_MS. Pure. */
guint tb_media_child_pause_ms(guint crashes);

#define TB_MEDIA_CHILD_GRACE_MS 1500
