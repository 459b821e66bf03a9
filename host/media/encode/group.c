#include "host/media/encode/group.h"

#include "lib/limits.h"

#define MAX_BUFFERS (TB_LIMIT_FPS * TB_GROUP_MS / 1000 + 1) /* more: a clock that does not go on */

void tb_group_init(TbGroup *group)
{
        g_queue_init(&group->buffers);
        group->key_us = 0;
}

static void forget(TbGroup *group)
{
        GstBuffer *buffer;
        while ((buffer = g_queue_pop_head(&group->buffers)))
                gst_buffer_unref(buffer);
}

void tb_group_clear(TbGroup *group)
{
        forget(group);
        group->key_us = 0;
}

bool tb_group_is_fresh(TbGroup *group, gint64 now_us)
{
        if (now_us - group->key_us >= TB_GROUP_MS * 1000)
                forget(group);
        return !g_queue_is_empty(&group->buffers);
}

void tb_group_add(TbGroup *group, GstBuffer *buffer, bool keyframe, gint64 now_us)
{
        if (keyframe) {
                forget(group);
                group->key_us = now_us;
        } else if (!tb_group_is_fresh(group, now_us)) {
                return; /* a joiner could not begin with it */
        }
        if (g_queue_get_length(&group->buffers) >= MAX_BUFFERS)
                forget(group);
        else
                g_queue_push_tail(&group->buffers, gst_buffer_ref(buffer));
}
