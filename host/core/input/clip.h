#pragma once
/*
 * What was copied last on an input interface, by its device or into it. Each new text is told by an event "input.clipboard", but not
 * more often than every TB_LIMIT_CLIPBOARD_MS: of those between only the last. The event bears no text: that is for who may control
 * the device. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbClip {
        char *text; /* owned; NULL: nothing yet */
        char *who;  /* owned: the connection that gave it (TbActor's); NULL: the device */
        guint timer;
        bool untold;
} TbClip;

struct TbInterface;
void tb_interface_set_clipboard(struct TbInterface *iface, const char *text, const char *who);
void tb_clip_clear(TbClip *clip);
