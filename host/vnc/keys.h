#pragma once
/*
 * RFB's input as the contract's: X keysyms as KeyboardEvent.key, button masks as MouseEvent.buttons, wheel
 * "buttons" as scroll events. Pure; any thread. Sources: X11 keysymdef.h and XF86keysym.h (libxkbcommon has
 * them), W3C UI Events KeyboardEvent key values, RFC 6143 §7.5.4-5.
 */
#include <glib.h>
#include <jansson.h>

#include "host/vnc/viewer.h"

/* NULL: no key that we can name. The caller frees. */
char *tb_vnc_key_name(guint32 keysym);

typedef struct TbVncInputState { /* of one viewer; starts zeroed */
        int mask;                /* RFB's, of the last pointer event */
} TbVncInputState;

/* Appends events of `POST …/input` to `into` (an array). */
void tb_vnc_input_json(TbVncInputState *state, const TbVncInput *events, guint n, json_t *into);
