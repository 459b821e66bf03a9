#pragma once
/*
 * TbGroup: the pictures since the last keyframe, while that is no older than TB_GROUP_MS. Who joins right
 * after a keyframe begins with it at once, instead of waiting until the encoder may make another one.
 * One thread at a time.
 */
#include <gst/gst.h>
#include <stdbool.h>

#define TB_GROUP_MS 250

typedef struct TbGroup {
        GQueue buffers; /* ref GstBuffer; empty, or the first one is a keyframe */
        gint64 key_us;  /* monotonic time of the last keyframe; 0: none yet */
} TbGroup;

void tb_group_init(TbGroup *group);
void tb_group_clear(TbGroup *group);
/* The encoder's next picture; takes a reference of its own. */
void tb_group_add(TbGroup *group, GstBuffer *buffer, bool keyframe, gint64 now_us);
/* Forgets what is too old. False: nothing is left, a joiner needs a new keyframe. */
bool tb_group_is_fresh(TbGroup *group, gint64 now_us);
