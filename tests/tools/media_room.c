/*
 * The media room alone, for tests and benchmarks: a drawn source instead of a device, JSON lines instead of
 * HTTP. One request a line on stdin
 * ({"id":1,"do":"peer","sdp":…}), answers and events on stdout ({"id":1,…} / {"event":…}). Ends with stdin.
 *
 *   media_room [--width N] [--height N] [--fps N] [--pattern clock|bars|still] [--max-viewers N] [--stun URI]
 *
 * Patterns. clock: everything moves, and the top 16 rows carry the time of painting, 44 blocks of 16x16 px,
 * most significant bit first, white = 1, in ms since the epoch. bars: eight still colour bars, painted again
 * with each frame. still: the same bars, one frame only.
 */
#include <glib-unix.h>
#include <glib.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "host/media/gstreamer.h"
#include "host/media/media.h"
#include "host/media/peer.h"
#include "host/media/reaper.h"
#include "host/media/still/still.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"

#define STAMP_BITS 44
#define BLOCK 16

typedef struct Room {
        GMainLoop *loop;
        TbMedia *media;
        TbHub *hub;
        GHashTable *peers; /* number -> TbPeer */
        int next_peer;
        /* the source; `lock` for what the painting thread reads */
        TbMutex lock;
        TbCond changed;
        TbThread *thread;
        TbFrameSink sink;
        void *sink_data;
        int width, height, fps;
        char pattern[16];
        bool running;
        guint starts;
} Room;

static void say(json_t *take)
{
        char *text = json_dumps(take, JSON_COMPACT);
        puts(text);
        fflush(stdout);
        free(text);
        json_decref(take);
}

/* --- painting --- */
static const guint32 BARS[8] = {0xffffff, 0xc0c000, 0x00c0c0, 0x00c000,
                                0xc000c0, 0xc00000, 0x0000c0, 0x101010};

static void paint_bars(TbFrame *f)
{
        for (int y = 0; y < f->height; y++) {
                guint32 *row = (guint32 *)(void *)(f->data + (gsize)y * f->stride[0]);
                for (int x = 0; x < f->width; x++)
                        row[x] = BARS[x * 8 / f->width];
        }
}

/* Text-like: dark ground, light strokes, all of it scrolls. */
static void paint_motion(TbFrame *f, guint n)
{
        for (int y = 0; y < f->height; y++) {
                guint32 *row = (guint32 *)(void *)(f->data + (gsize)y * f->stride[0]);
                int line = (y + (int)n * 4) / 18;
                guint32 seed = (guint32)line * 2654435761u;
                bool ink_row = (y + (int)n * 4) % 18 < 11;
                for (int x = 0; x < f->width; x++) {
                        guint32 cell = seed + (guint32)(x / 8) * 40503u;
                        cell ^= cell >> 13;
                        bool ink = ink_row && (cell * 2246822519u >> 28) > 7 && (x % 8) < 6;
                        row[x] =
                                ink ? 0xc8d0d8 : (guint32)(0x101820 + ((x + (int)n * 3) / 64 % 4) * 0x040404);
                }
        }
}

static void paint_stamp(TbFrame *f)
{
        guint64 ms = (guint64)(g_get_real_time() / 1000);
        for (int bit = 0; bit < STAMP_BITS && (bit + 1) * BLOCK <= f->width; bit++) {
                guint32 colour = ms >> (STAMP_BITS - 1 - bit) & 1 ? 0xffffff : 0;
                for (int y = 0; y < BLOCK && y < f->height; y++) {
                        guint32 *row = (guint32 *)(void *)(f->data + (gsize)y * f->stride[0]);
                        for (int x = 0; x < BLOCK; x++)
                                row[bit * BLOCK + x] = colour;
                }
        }
}

static void run_source(gpointer data)
{
        Room *room = data;
        g_autoptr(TbFramePool) pool = tb_frame_pool_new(4);
        gint64 due = g_get_monotonic_time();
        guint n = 0;
        tb_mutex_lock(&room->lock);
        while (room->running) {
                bool clock = strcmp(room->pattern, "clock") == 0, once = strcmp(room->pattern, "still") == 0;
                TbFrame *frame = tb_frame_pool_take(pool, TB_PIXEL_BGRX, room->width, room->height, 0);
                int fps = room->fps;
                tb_mutex_unlock(&room->lock);
                if (clock)
                        paint_motion(frame, n);
                else
                        paint_bars(frame);
                frame->t_us = g_get_monotonic_time();
                if (clock)
                        paint_stamp(frame); /* last: the time of painting is the time of the picture */
                room->sink(room->sink_data, frame);
                n++;
                due = MAX(due + G_USEC_PER_SEC / fps, g_get_monotonic_time() - G_USEC_PER_SEC / fps);
                tb_mutex_lock(&room->lock);
                int width = room->width, height = room->height;
                while (room->running &&
                       (once ? room->width == width && room->height == height : g_get_monotonic_time() < due))
                        tb_cond_wait_until(&room->changed, &room->lock, once ? -1 : due);
        }
        tb_mutex_unlock(&room->lock);
}

static bool source_start(void *source, TbFrameSink sink, void *sink_data, GError **error G_GNUC_UNUSED)
{
        Room *room = source;
        room->sink = sink;
        room->sink_data = sink_data;
        room->running = true;
        room->starts++;
        room->thread = tb_thread_start("paint", run_source, room);
        return true;
}

static void source_stop(void *source)
{
        Room *room = source;
        tb_mutex_lock(&room->lock);
        room->running = false;
        tb_cond_broadcast(&room->changed);
        tb_mutex_unlock(&room->lock);
        tb_thread_join(g_steal_pointer(&room->thread));
}

static const TbVideoSource SOURCE = {.start = source_start, .stop = source_stop};

/* --- peers --- */
typedef struct Watch {
        Room *room;
        int number;
        json_int_t request;
} Watch;

static void on_answer(TbPeer *peer G_GNUC_UNUSED, const char *sdp, const GError *error, void *data)
{
        Watch *w = data;
        say(json_pack("{s:I, s:i, s:s?, s:s?}", "id", w->request, "peer", w->number, "sdp", sdp, "error",
                      error ? error->message : NULL));
}

static void on_candidate(TbPeer *peer G_GNUC_UNUSED, const char *candidate, const char *mid, guint mline,
                         void *data)
{
        Watch *w = data;
        say(json_pack("{s:s, s:i, s:s, s:s, s:i}", "event", "candidate", "peer", w->number, "candidate",
                      candidate, "mid", mid, "mline", (int)mline));
}

static void on_state(TbPeer *peer G_GNUC_UNUSED, TbViewerState state, void *data)
{
        Watch *w = data;
        say(json_pack("{s:s, s:i, s:s}", "event", "state", "peer", w->number, "state",
                      tb_viewer_state_name(state)));
}

static void on_channel(TbPeer *peer G_GNUC_UNUSED, const char *channel, bool open, void *data)
{
        Watch *w = data;
        say(json_pack("{s:s, s:i, s:s, s:b}", "event", "channel", "peer", w->number, "channel", channel,
                      "open", open));
}

/* Sends everything back. */
static void on_message(TbPeer *peer, const char *channel, const char *bytes, gsize length G_GNUC_UNUSED,
                       bool text, void *data G_GNUC_UNUSED)
{
        if (text)
                tb_peer_send(peer, channel, bytes, NULL);
}

static void on_closed(TbPeer *peer G_GNUC_UNUSED, const char *reason, void *data)
{
        Watch *w = data;
        say(json_pack("{s:s, s:i, s:s}", "event", "closed", "peer", w->number, "reason", reason));
        g_hash_table_remove(w->room->peers, GINT_TO_POINTER(w->number));
        g_free(w);
}

static const TbPeerCallbacks CALLBACKS = {.answer = on_answer,
                                          .candidate = on_candidate,
                                          .state = on_state,
                                          .channel = on_channel,
                                          .message = on_message,
                                          .closed = on_closed};

static void fail(json_t *request, const GError *error)
{
        say(json_pack("{s:O?, s:s, s:i}", "id", json_object_get(request, "id"), "error", error->message,
                      "status", tb_error_status(error)));
}

static void done(json_t *request)
{
        say(json_pack("{s:O?, s:b}", "id", json_object_get(request, "id"), "ok", true));
}

static void do_peer(Room *room, json_t *request)
{
        g_autoptr(GError) error = NULL;
        Watch *w = g_new(Watch, 1);
        *w = (Watch){room, ++room->next_peer, json_integer_value(json_object_get(request, "id"))};
        TbPeerOptions options = {.label = "test",
                                 .max_kbps = (guint)json_integer_value(json_object_get(request, "max_kbps"))};
        TbHub *hub = json_is_true(json_object_get(request, "data_only")) ? NULL : room->hub;
        TbPeer *peer = tb_peer_new(room->media, hub, json_string_value(json_object_get(request, "sdp")),
                                   &options, &CALLBACKS, w, &error);
        if (peer) {
                g_hash_table_insert(room->peers, GINT_TO_POINTER(w->number), peer);
                return;
        }
        g_free(w);
        fail(request, error);
}

static TbPeer *peer_of(Room *room, json_t *request)
{
        return g_hash_table_lookup(
                room->peers, GINT_TO_POINTER((int)json_integer_value(json_object_get(request, "peer"))));
}

static void do_candidate(Room *room, json_t *request)
{
        g_autoptr(GError) error = NULL;
        TbPeer *peer = peer_of(room, request);
        const char *frag = json_string_value(json_object_get(request, "frag"));
        if (peer &&
            !(frag ? tb_peer_add_sdpfrag(peer, frag, &error)
                   : tb_peer_add_candidate(peer, json_string_value(json_object_get(request, "candidate")), 0,
                                           &error)))
                fail(request, error);
        else
                done(request);
}

/* Sends more at once than any viewer reads, until it is refused. */
static void do_fill(json_t *request, TbPeer *peer)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *text = g_strnfill(TB_LIMIT_CHANNEL_MESSAGE, 'x');
        guint sent = 0;
        while (sent * TB_LIMIT_CHANNEL_MESSAGE < 16 * TB_LIMIT_WS_QUEUE &&
               tb_peer_send(peer, json_string_value(json_object_get(request, "channel")), text, &error))
                sent++;
        if (error)
                fail(request, error);
        else
                done(request);
}

/* --- the rest --- */
/* What the room and its testbed-media use together. */
static int count_dir(int child, const char *what)
{
        g_autofree char *path =
                child ? g_strdup_printf("/proc/%d/%s", child, what) : g_strdup_printf("/proc/self/%s", what);
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        int n = 0;
        while (dir && g_dir_read_name(dir))
                n++;
        return child ? n + count_dir(0, what) : n;
}

static json_int_t resident_kb(int child)
{
        g_autofree char *path = child ? g_strdup_printf("/proc/%d/statm", child)
                                      : g_strdup("/proc/self/statm"),
                        *text = NULL;
        g_file_get_contents(path, &text, NULL, NULL);
        const char *pages = text ? strchr(text, ' ') : NULL;
        json_int_t kb = pages ? g_ascii_strtoll(pages, NULL, 10) * (sysconf(_SC_PAGESIZE) / 1024) : 0;
        return child ? kb + resident_kb(0) : kb;
}

/* Seconds of the child so far. */
static double child_cpu(int child)
{
        g_autofree char *path = g_strdup_printf("/proc/%d/stat", child), *text = NULL;
        if (!child || !g_file_get_contents(path, &text, NULL, NULL) || !strrchr(text, ')'))
                return 0;
        g_auto(GStrv) fields = g_strsplit(strrchr(text, ')') + 2, " ", -1); /* from the third on */
        if (g_strv_length(fields) < 13)
                return 0;
        return (double)(g_ascii_strtoll(fields[11], NULL, 10) + g_ascii_strtoll(fields[12], NULL, 10)) /
               (double)sysconf(_SC_CLK_TCK);
}

static void do_stats(Room *room, json_t *request)
{
        TbMediaStats s;
        tb_media_get_stats(room->media, &s);
        struct rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6 + child_cpu(s.child);
        json_t *out = json_pack("{s:O?, s:o, s:o, s:i, s:i, s:I, s:f, s:i, s:i}", "id",
                                json_object_get(request, "id"), "hub", tb_hub_to_json(room->hub), "peers",
                                tb_media_peers(room->media), "fds", count_dir(s.child, "fd"), "threads",
                                count_dir(s.child, "task"), "rss_kb", resident_kb(s.child), "cpu_s", cpu,
                                "starts", (int)room->starts, "abandoned", (int)tb_reaper_abandoned());
        json_object_set_new(out, "frames_in", json_integer((json_int_t)s.frames_in));
        json_object_set_new(out, "frames_dropped", json_integer((json_int_t)s.frames_dropped));
        json_object_set_new(out, "frames_encoded", json_integer((json_int_t)s.frames_encoded));
        json_object_set_new(out, "keyframes", json_integer((json_int_t)s.keyframes));
        json_object_set_new(out, "encoders", json_integer(s.encoders));
        json_object_set_new(out, "info", tb_media_info(room->media));
        say(out);
}

static void do_source(Room *room, json_t *request)
{
        json_t *v;
        tb_mutex_lock(&room->lock);
        if ((v = json_object_get(request, "width")))
                room->width = (int)json_integer_value(v);
        if ((v = json_object_get(request, "height")))
                room->height = (int)json_integer_value(v);
        if ((v = json_object_get(request, "fps")))
                room->fps = (int)json_integer_value(v);
        if ((v = json_object_get(request, "pattern")))
                g_strlcpy(room->pattern, json_string_value(v), sizeof room->pattern);
        tb_cond_broadcast(&room->changed);
        tb_mutex_unlock(&room->lock);
        done(request);
}

static void on_still(void *data, GBytes *image, gint64 taken_us, const GError *error)
{
        json_t *request = data;
        if (error) {
                fail(request, error);
        } else {
                const char *path = json_string_value(json_object_get(request, "path"));
                g_file_set_contents(path, g_bytes_get_data(image, NULL), (gssize)g_bytes_get_size(image),
                                    NULL);
                say(json_pack("{s:O?, s:I, s:I}", "id", json_object_get(request, "id"), "bytes",
                              (json_int_t)g_bytes_get_size(image), "taken_ms",
                              (json_int_t)(taken_us / 1000)));
        }
        json_decref(request);
}

static void handle(Room *room, json_t *request)
{
        const char *what = json_string_value(json_object_get(request, "do"));
        TbPeer *peer = peer_of(room, request);
        if (g_strcmp0(what, "peer") == 0) {
                do_peer(room, request);
        } else if (g_strcmp0(what, "candidate") == 0) {
                do_candidate(room, request);
        } else if (g_strcmp0(what, "close") == 0) {
                if (peer)
                        tb_peer_close(peer, "asked to");
                done(request);
        } else if (peer && g_strcmp0(what, "fill") == 0) {
                do_fill(request, peer);
        } else if (g_strcmp0(what, "stats") == 0) {
                do_stats(room, request);
        } else if (g_strcmp0(what, "source") == 0) {
                do_source(room, request);
        } else if (g_strcmp0(what, "fault") == 0) {
                tb_hub_set_fault(room->hub, json_string_value(json_object_get(request, "reason")), false);
                done(request);
        } else if (g_strcmp0(what, "still") == 0) {
                const char *format = json_string_value(json_object_get(request, "format"));
                tb_still_take(room->media, room->hub,
                              g_strcmp0(format, "jpeg") == 0 ? TB_STILL_JPEG : TB_STILL_PNG, 0, 0, on_still,
                              json_incref(request));
        } else {
                g_autoptr(GError) error = g_error_new(TB_ERROR, TB_ERROR_INVALID, "unknown request");
                fail(request, error);
        }
}

static gboolean on_input(GIOChannel *channel, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
        Room *room = data;
        do {
                g_autofree char *line = NULL;
                if (g_io_channel_read_line(channel, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL) {
                        g_main_loop_quit(room->loop);
                        return G_SOURCE_REMOVE;
                }
                json_t *request = json_loads(line, 0, NULL);
                if (request)
                        handle(room, request);
                json_decref(request);
        } while (g_io_channel_get_buffer_condition(channel) &
                 G_IO_IN); /* lines that were read along with this one */
        return G_SOURCE_CONTINUE;
}

static gboolean on_term(gpointer data)
{
        g_main_loop_quit(data);
        return G_SOURCE_REMOVE;
}

int main(int argc, char **argv)
{
        Room room = {.width = 1280, .height = 720, .fps = 30, .pattern = "clock"};
        g_autofree char *pattern = NULL, *stun = NULL;
        int max_viewers = 0;
        GOptionEntry entries[] = {{"width", 0, 0, G_OPTION_ARG_INT, &room.width, NULL, NULL},
                                  {"height", 0, 0, G_OPTION_ARG_INT, &room.height, NULL, NULL},
                                  {"fps", 0, 0, G_OPTION_ARG_INT, &room.fps, NULL, NULL},
                                  {"pattern", 0, 0, G_OPTION_ARG_STRING, &pattern, NULL, NULL},
                                  {"max-viewers", 0, 0, G_OPTION_ARG_INT, &max_viewers, NULL, NULL},
                                  {"stun", 0, 0, G_OPTION_ARG_STRING, &stun, NULL, NULL},
                                  {0}};
        g_autoptr(GOptionContext) options = g_option_context_new(NULL);
        g_option_context_add_main_entries(options, entries, NULL);
        g_autoptr(GError) error = NULL;
        if (!g_option_context_parse(options, &argc, &argv, &error)) {
                fprintf(stderr, "media_room: %s\n", error->message);
                return 2;
        }
        if (pattern)
                g_strlcpy(room.pattern, pattern, sizeof room.pattern);
        tb_log_init(g_getenv("DEBUG") ? TB_LOG_DEBUG : TB_LOG_WARNING, false);
        tb_main_init(NULL);
        tb_mutex_init(&room.lock);
        tb_cond_init(&room.changed);
        const char *ice[] = {stun, NULL};
        g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
        g_autofree char *folder = g_path_get_dirname(self ? self : ".");
        g_autofree char *child = g_build_filename(folder, "..", "testbed-media", NULL);
        TbMediaConfig config = {.max_viewers = (guint)max_viewers, .ice_servers = ice, .program = child};
        room.media = tb_media_new(&config);
        tb_media_start(room.media);
        room.hub = tb_media_add_hub(room.media, "bench", "video", &SOURCE, &room);
        room.peers = g_hash_table_new(NULL, NULL);
        room.loop = g_main_loop_new(NULL, FALSE);
        GIOChannel *input = g_io_channel_unix_new(0);
        guint watch = g_io_add_watch(input, G_IO_IN | G_IO_HUP, on_input, &room);
        g_unix_signal_add(SIGTERM, on_term, room.loop);
        while (!tb_gstreamer_ready(NULL) && !tb_gstreamer_fault())
                g_main_context_iteration(NULL, TRUE);
        say(json_pack("{s:s, s:i}", "event", "ready", "pid", (int)getpid()));
        g_main_loop_run(room.loop);
        if (g_main_context_find_source_by_id(NULL, watch))
                g_source_remove(watch);
        g_io_channel_unref(input);
        tb_media_free(room.media);
        tb_main_stop();
        g_hash_table_unref(room.peers);
        g_main_loop_unref(room.loop);
        return 0;
}
