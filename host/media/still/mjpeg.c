/* Motion JPEG: one group per (hub, quality, width) compresses, its clients take each picture that is due for them.
 * See still.h. */
#include "host/media/still/still.h"
#include "host/media/still/stills.h"
#include "lib/error.h"

#define DEFAULT_FPS 10
#define DEFAULT_QUALITY 80
#define MAX_FPS 30
#define REPEAT_US G_USEC_PER_SEC

typedef struct Group {
        TbStills *stills;   /* borrowed */
        TbHub *hub;         /* ref */
        int quality, width; /* width 0: all */
        TbHubSink *sink;    /* owned */
        GPtrArray *clients; /* borrowed TbMjpeg */
        TbFrame *frame;     /* ref; newest, not compressed yet */
        GBytes *jpeg;       /* ref; newest */
        gint64 taken_us;
        guint timer;
        bool busy, dead, delivering; /* dead: the last client left while the worker had a picture */
} Group;

struct TbMjpeg {
        TbPlace place;
        Group *group; /* borrowed: lives as long as it has clients */
        gint64 interval_us, due_us, last_us;
        void (*frame)(void *data, GBytes *jpeg, gint64 taken_us);
        void *data; /* borrowed from who made it */
};

static void group_try(Group *group);

static void group_free(Group *group)
{
        tb_frame_unref(group->frame);
        g_clear_pointer(&group->jpeg, g_bytes_unref);
        g_ptr_array_free(group->clients, TRUE);
        tb_hub_unref(group->hub);
        g_free(group);
}

static void serve(TbMjpeg *client, Group *group, gint64 now_us)
{
        /* a quarter of an interval early is jitter; and no catching up */
        client->due_us = MAX(client->due_us + client->interval_us, now_us + client->interval_us / 2);
        client->last_us = now_us;
        client->frame(client->data, group->jpeg, group->taken_us);
}

static bool is_due(const TbMjpeg *client, gint64 now_us)
{
        return now_us >= client->due_us - client->interval_us / 4;
}

/* `fresh`: a new picture; else only those who have seen nothing for long. A client may leave inside its
 * callback. */
static void deliver(Group *group, bool fresh)
{
        gint64 now = g_get_monotonic_time();
        g_autoptr(GPtrArray) copy = g_ptr_array_copy(group->clients, NULL, NULL);
        group->delivering = true;
        for (guint i = 0; i < copy->len; i++) {
                TbMjpeg *client = g_ptr_array_index(copy, i);
                if (!g_ptr_array_find(group->clients, client, NULL))
                        continue;
                if (fresh ? is_due(client, now) : now - client->last_us >= REPEAT_US)
                        serve(client, group, now);
        }
        group->delivering = false;
}

static gboolean timer(gpointer data)
{
        Group *group = data;
        group->timer = 0;
        if (group->jpeg)
                deliver(group, false);
        if (group->clients->len > 0)
                group_try(group);
        else if (!group->busy)
                group_free(group);
        return G_SOURCE_REMOVE;
}

static void arm(Group *group, gint64 at_us)
{
        gint64 wait = MAX(at_us - g_get_monotonic_time(), 0);
        if (group->timer)
                g_source_remove(group->timer);
        group->timer = g_timeout_add((guint)(wait / 1000 + 1), timer, group);
}

static void compressed(void *data, GBytes *image, gint64 taken_us, const GError *error G_GNUC_UNUSED)
{
        Group *group = data;
        group->busy = false;
        if (group->dead) {
                group_free(group);
                return;
        }
        if (image) {
                g_clear_pointer(&group->jpeg, g_bytes_unref);
                group->jpeg = g_bytes_ref(image);
                group->taken_us = taken_us;
                deliver(group, true);
        }
        if (group->clients->len > 0)
                group_try(group);
        else
                group_free(group); /* the last one left in its callback */
}

static void group_try(Group *group)
{
        gint64 now = g_get_monotonic_time(), next = now + REPEAT_US;
        bool due = false;
        for (guint i = 0; i < group->clients->len; i++) {
                const TbMjpeg *client = g_ptr_array_index(group->clients, i);
                due = due || is_due(client, now);
                if (group->frame)
                        next = MIN(next, client->due_us - client->interval_us / 4);
                next = MIN(next, MAX(client->last_us + REPEAT_US, now));
        }
        if (group->busy)
                return;
        if (!group->frame || !due) {
                arm(group, MAX(next, now + 1000));
                return;
        }
        g_autoptr(TbFrame) frame = g_steal_pointer(&group->frame);
        TbPictureJob job = {.frame = frame,
                            .quality = group->quality,
                            .width = group->width,
                            .done = compressed,
                            .data = group};
        group->busy = tb_stills_compress(group->stills, &job, NULL);
        arm(group, now + REPEAT_US);
}

static void have_frame(void *data, TbFrame *frame)
{
        Group *group = data;
        tb_frame_unref(group->frame);
        group->frame = tb_frame_ref(frame);
        group_try(group);
}

static Group *group_get(TbStills *stills, TbHub *hub, int quality, int width)
{
        GPtrArray *groups = tb_stills_groups(stills);
        for (guint i = 0; i < groups->len; i++) {
                Group *g = g_ptr_array_index(groups, i);
                if (g->hub == hub && g->quality == quality && g->width == width)
                        return g;
        }
        Group *group = g_new0(Group, 1);
        group->stills = stills;
        group->hub = tb_hub_ref(hub);
        group->quality = quality;
        group->width = width;
        group->clients = g_ptr_array_new();
        g_ptr_array_add(groups, group);
        return group;
}

TbMjpeg *tb_mjpeg_new(TbMedia *media, TbHub *hub, const TbPlaceBy *by, const TbMjpegForm *form,
                      void (*frame)(void *data, GBytes *jpeg, gint64 taken_us), void *data, GError **error)
{
        tb_assert_main();
        int fps = form->fps ? form->fps : DEFAULT_FPS,
            quality = form->quality ? form->quality : DEFAULT_QUALITY;
        if (fps < 1 || fps > MAX_FPS) {
                tb_error_set_field(error, TB_ERROR_INVALID, "fps", "fps must be from 1 to %d", MAX_FPS);
                return NULL;
        }
        if (quality < 10 || quality > 95) {
                tb_error_set_field(error, TB_ERROR_INVALID, "quality", "quality must be from 10 to 95");
                return NULL;
        }
        TbPlace place;
        if (!tb_media_admit_mjpeg(media, by, &place, error))
                return NULL;
        TbMjpeg *client = g_new0(TbMjpeg, 1);
        client->place = place;
        client->group = group_get(tb_media_stills(media), hub, quality, form->width);
        client->interval_us = G_USEC_PER_SEC / fps;
        client->frame = frame;
        client->data = data;
        client->last_us = g_get_monotonic_time();
        g_ptr_array_add(client->group->clients, client);
        tb_hub_acquire(hub, true);
        if (!client->group->sink)
                client->group->sink = tb_hub_add_sink_full(hub,
                                                           TB_SINK_MAILBOX | TB_SINK_SLATES | TB_SINK_QUIET |
                                                                   (form->width ? 0 : TB_SINK_JPEG),
                                                           have_frame, client->group);
        if (client->group->jpeg) {
                client->last_us = 0; /* a still screen: what was compressed last is what there is */
                arm(client->group, 0);
        }
        return client;
}

void tb_mjpeg_free(TbMjpeg *client)
{
        if (!client)
                return;
        tb_assert_main();
        Group *group = client->group;
        tb_place_give(&client->place);
        tb_hub_release(group->hub, true);
        g_ptr_array_remove_fast(group->clients, client);
        g_free(client);
        if (group->clients->len > 0)
                return;
        g_ptr_array_remove_fast(tb_stills_groups(group->stills), group);
        tb_hub_remove_sink(g_steal_pointer(&group->sink));
        if (group->timer)
                g_source_remove(group->timer);
        group->timer = 0;
        group->dead = group->busy;
        if (!group->busy && !group->delivering)
                group_free(group);
}
