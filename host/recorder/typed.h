#pragma once
/*
 * What somebody sent to a device as a line of its recording: {"type":"input","t","interface","user","via","events":[…]}, or of a console
 * {…,"bytes","text"}; "failed" says why the device has not all of it. What was typed may be a password: unless all is wanted, characters
 * are written as "•", texts as how many they are; keys without a character (Enter, F2, ArrowUp) and pointers are told. What is
 * copied into a clipboard is never told. Pure.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "host/core/recording.h"

typedef enum TbTypedHow { TB_TYPED_OFF, TB_TYPED_KEYS, TB_TYPED_ALL } TbTypedHow;
extern const char *const tb_typed_names[]; /* by TbTypedHow: "off", "keys", "all" */

typedef struct TbTyped { /* of one device */
        TbTypedHow how;
        gint64 moved_ms; /* the last move of a pointer that was kept */
        json_int_t buttons;
} TbTyped;

/* NULL: nothing of it is kept. Of a pointer that only moves, TB_LIMIT_RECORD_MOVES places a second are. The caller owns it. */
json_t *tb_typed_line(TbTyped *typed, const TbRecordingInput *input);
