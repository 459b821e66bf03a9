/*
 * The VNC room without a host: door, viewers and screen on a made-up picture, for tests with foreign viewers.
 *   vnc_room [--password P] [--view-password P] [--size WxH] [--fps N] [--resize WxH] [--damage]
 * Prints "port N", then one line per thing that happens: "joined", "gone REASON", "input JSON", "updates N"
 * (on SIGUSR1). Ends with its stdin. The picture: pixel (x, y) is (x & 255, y & 255, (x ^ y) & 255) as R, G,
 * B; with --fps a 64x64 square moves over it. --resize changes the size when the first viewer has joined and
 * sent a key.
 */
#include <arpa/inet.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/vnc/door.h"
#include "host/vnc/keys.h"
#include "host/vnc/viewer.h"
#include "lib/limits.h"
#include "lib/log.h"

static char *opt_password, *opt_view, *opt_size, *opt_resize;
static int opt_fps;
static gboolean opt_damage;
static const GOptionEntry entries[] = {
        {"password", 0, 0, G_OPTION_ARG_STRING, &opt_password, NULL, NULL},
        {"view-password", 0, 0, G_OPTION_ARG_STRING, &opt_view, NULL, NULL},
        {"size", 0, 0, G_OPTION_ARG_STRING, &opt_size, NULL, NULL},
        {"resize", 0, 0, G_OPTION_ARG_STRING, &opt_resize, NULL, NULL},
        {"fps", 0, 0, G_OPTION_ARG_INT, &opt_fps, NULL, NULL},
        {"damage", 0, 0, G_OPTION_ARG_NONE, &opt_damage, NULL, NULL},
        {NULL},
};

typedef struct Room {
        GMainLoop *loop;
        TbVncSlots *slots;
        TbVncDoor *door;
        TbVncScreen *screen;
        TbFramePool *pool;
        GPtrArray *viewers; /* Seat */
        int width, height, tick;
} Room;

typedef struct Seat {
        Room *room;
        TbVncSlot *slot;
        TbVncViewer *viewer;
        TbVncInputState input;
} Seat;

static gboolean push(gpointer data)
{
        Room *room = data;
        g_autoptr(TbFrame) frame =
                tb_frame_pool_take(room->pool, TB_PIXEL_BGRX, room->width, room->height, 0);
        for (int y = 0; y < room->height; y++) {
                guint32 *row = (guint32 *)(void *)(frame->plane[0] + (gsize)y * (gsize)frame->stride[0]);
                for (int x = 0; x < room->width; x++)
                        row[x] = 0xff000000u | (guint32)(x & 255) << 16 | (guint32)(y & 255) << 8 |
                                 (guint32)((x ^ y) & 255);
        }
        if (opt_fps) {
                int at = room->tick++ * 8 % MAX(1, room->width - 64);
                for (int y = 0; y < 64 && y < room->height; y++)
                        memset(frame->plane[0] + (gsize)y * (gsize)frame->stride[0] + (gsize)at * 4, 0xff,
                               64 * 4);
                if (opt_damage && room->tick > 1)
                        tb_frame_add_damage(frame, (TbRect){0, 0, room->width, 64});
        }
        frame->t_us = g_get_monotonic_time();
        tb_vnc_screen_push(room->screen, frame);
        return G_SOURCE_CONTINUE;
}

static void on_input(TbVncViewer *viewer, gpointer data)
{
        Seat *seat = data;
        g_autoptr(GArray) inputs = tb_vnc_viewer_take(viewer);
        json_t *list = json_array();
        tb_vnc_input_json(&seat->input, &g_array_index(inputs, TbVncInput, 0), inputs->len, list);
        g_autofree char *text = json_dumps(list, JSON_COMPACT);
        json_decref(list);
        printf("input %s\n", text);
        Room *room = seat->room;
        if (opt_resize && sscanf(opt_resize, "%dx%d", &room->width, &room->height) == 2) {
                g_clear_pointer(&opt_resize, g_free);
                push(room);
        }
}

static void on_gone(TbVncViewer *viewer, const char *reason, gpointer data)
{
        Seat *seat = data;
        TbVncViewerStats stats;
        tb_vnc_viewer_get_stats(viewer, &stats);
        printf("gone %s updates=%" G_GUINT64_FORMAT " encode_ms=%" G_GUINT64_FORMAT "\n", reason,
               stats.updates, stats.encode_us / 1000);
        g_ptr_array_remove_fast(seat->room->viewers, seat);
}

static const TbVncViewerOps viewer_ops = {.input = on_input, .gone = on_gone};

static void seat_free(gpointer data)
{
        Seat *seat = data;
        tb_vnc_viewer_free(seat->viewer);
        tb_vnc_slots_give(seat->room->slots, seat->slot);
        g_free(seat);
}

static bool on_enter(const TbVncGuest *guest, gpointer data)
{
        Room *room = data;
        TbVncSlot *slot = tb_vnc_slots_take(room->slots);
        if (!slot)
                return false;
        Seat *seat = g_new0(Seat, 1);
        seat->room = room;
        seat->slot = slot;
        seat->viewer = tb_vnc_viewer_new(slot, guest->fd, room->screen, NULL, "test picture",
                                         guest->role < TB_ROLE_OPERATOR, &viewer_ops, seat, NULL);
        g_ptr_array_add(room->viewers, seat);
        printf("joined %s %s\n", tb_role_name(guest->role), guest->peer);
        return true;
}

static const TbVncDoorOps door_ops = {.enter = on_enter};

static gboolean on_connection(int fd, GIOCondition condition, gpointer data)
{
        (void)condition;
        Room *room = data;
        int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (peer < 0)
                return G_SOURCE_CONTINUE;
        TbVncHelloOptions options = {
                .password = opt_password, .view_password = opt_view, .open_role = TB_ROLE_OPERATOR};
        if (room->viewers->len >= TB_LIMIT_VNC_CLIENTS)
                options.refuse = "too many viewers";
        tb_vnc_door_knock(room->door, peer, "test", &options, NULL, NULL);
        return G_SOURCE_CONTINUE;
}

static gboolean on_stdin(int fd, GIOCondition condition, gpointer data)
{
        (void)condition;
        Room *room = data;
        char buf[64];
        if (read(fd, buf, sizeof buf) > 0)
                return G_SOURCE_CONTINUE;
        g_main_loop_quit(room->loop);
        return G_SOURCE_REMOVE;
}

int main(int argc, char **argv)
{
        g_autoptr(GOptionContext) context = g_option_context_new(NULL);
        g_autoptr(GError) error = NULL;
        g_option_context_add_main_entries(context, entries, NULL);
        Room room = {.width = 640, .height = 480};
        if (!g_option_context_parse(context, &argc, &argv, &error) ||
            (opt_size && sscanf(opt_size, "%dx%d", &room.width, &room.height) != 2)) {
                fprintf(stderr, "%s\n", error ? error->message : "--size WxH");
                return 2;
        }
        setvbuf(stdout, NULL, _IOLBF, 0);
        tb_log_init(g_getenv("DEBUG") ? TB_LOG_DEBUG : TB_LOG_INFO, false);
        tb_main_init(NULL);
        room.loop = g_main_loop_new(NULL, FALSE);
        room.slots = tb_vnc_slots_new(TB_LIMIT_VNC_CLIENTS, &error);
        if (!room.slots) {
                fprintf(stderr, "%s\n", error->message);
                return 1;
        }
        room.door = tb_vnc_door_new(&door_ops, &room);
        room.screen = tb_vnc_screen_new("test", &error);
        room.pool = tb_frame_pool_new(4);
        room.viewers = g_ptr_array_new_with_free_func(seat_free);

        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof address;
        if (bind(fd, (void *)&address, size) < 0 || listen(fd, 64) < 0 ||
            getsockname(fd, (void *)&address, &size) < 0) {
                perror("listen");
                return 1;
        }
        g_unix_fd_add(fd, G_IO_IN, on_connection, &room);
        g_unix_fd_add(0, G_IO_IN | G_IO_HUP, on_stdin, &room);
        if (opt_fps)
                g_timeout_add(1000 / (guint)opt_fps, push, &room);
        push(&room);
        printf("port %d\n", ntohs(address.sin_port));
        g_main_loop_run(room.loop);

        tb_vnc_door_free(room.door);
        g_ptr_array_free(room.viewers, TRUE);
        tb_vnc_screen_free(room.screen);
        tb_vnc_slots_free(room.slots);
        tb_frame_pool_unref(room.pool);
        close(fd);
        tb_main_stop();
        g_main_loop_unref(room.loop);
        return 0;
}
