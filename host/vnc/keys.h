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
/* Appends such an event to what waits: a pointer that only moves replaces its last position, clicks of the wheel at one place
 * add up. */
void tb_vnc_input_queue(json_t *pending, json_t *event);
/* The first `most` of them leave; the caller owns the array. */
json_t *tb_vnc_input_take(json_t *pending, guint most);
