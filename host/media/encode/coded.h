#pragma once
/*
 * Encoded pictures of a hub as they are, for who sends them on himself (the relay through the pairing server): encoded once, with those
 * that WebRTC viewers of that rung get. Thread: main; `unit` too.
 */
#include <glib.h>
#include <stdbool.h>

#include "host/media/encode/codec.h"
#include "host/media/media.h"

typedef struct TbCoded TbCoded;

/*
 * `unit(data, bytes, keyframe)`: one access unit, H.264 in byte-stream form (a keyframe has its parameter sets); `bytes` is borrowed, the
 * same object for all who look at that rung: take a reference. What main is too slow for is left out up
 * to the next keyframe, and units begin with one. `unit` may free nothing but its own TbCoded. `by`: whose place
 * it takes, among MJPEG's. TB_ERROR_UNAVAILABLE: no encoder; TB_ERROR_LIMIT: no place.
 */
TbCoded *tb_coded_new(TbMedia *media, TbHub *hub, const TbPlaceBy *by, TbRung rung,
                      void (*unit)(void *data, GBytes *bytes, bool keyframe), void *data, GError **error);
void tb_coded_want_keyframe(TbCoded *coded);
void tb_coded_free(TbCoded *coded); /* accepts NULL */
