/* adb_logs.c - the log of a phone: one logcat that runs for as long as the phone is there, and goes on where
 * it was after a break */
#include "drivers/adb/adb_lanes.h"

#include <string.h>

#include "drivers/adb/adb_dump.h"
#include "lib/limits.h"

#define LOGCAT "logcat -v threadtime -v epoch"

static bool is_line(const char *line)
{
        return *line != '\0' && !g_str_has_prefix(line, "--------- ");
}

static void tell(TbAdbLogLane *lane, char *line)
{
        TbInstance *self = &lane->lane.instance;
        g_autofree char *text = NULL, *valid = NULL, *stamp = NULL;
        g_autoptr(GDateTime) time = NULL;
        const char *rest;
        gint64 t_ms;

        g_strchomp(line);
        if (!is_line(line) || tb_adb_log_old(&lane->seen, line))
                return;
        tb_adb_log_told(&lane->seen, line);
        valid = g_utf8_make_valid(line, -1);
        if (!tb_adb_parse_log(valid, &t_ms, &rest)) {
                self->up->line(self, valid, 0);
                return;
        }
        time = g_date_time_new_from_unix_utc(t_ms / 1000);
        stamp = g_date_time_format(time, "%m-%d %H:%M:%S");
        text = g_strdup_printf("%s.%03d %s", stamp, (int)(t_ms % 1000), rest);
        self->up->line(self, text, t_ms);
}

typedef void (*LineFn)(TbAdbLogLane *lane, char *line);

static void take_lines(TbAdbLogLane *lane, LineFn fn)
{
        guint8 *end;
        gsize at = 0;

        while ((end = memchr(lane->in->data + at, '\n', lane->in->len - at)) != NULL) {
                gsize size = (gsize)(end - lane->in->data) - at;
                g_autofree char *line = g_strndup((const char *)lane->in->data + at, size);

                fn(lane, line);
                at += size + 1;
        }
        g_byte_array_remove_range(lane->in, 0, (guint)at);
        if (lane->in->len > TB_LIMIT_LINE) { /* no line: tell it in parts */
                g_autofree char *line = g_strndup((const char *)lane->in->data, lane->in->len);

                fn(lane, line);
                g_byte_array_set_size(lane->in, 0);
        }
}

/* --- where it goes on --- */
static void look_at(TbAdbLogLane *lane, char *line)
{
        g_strchomp(line);
        if (is_line(line))
                tb_adb_log_kept(&lane->seen, line);
}

static bool look_through(TbAdbLogLane *lane, TbIo *io, GError **error)
{
        g_autoptr(TbTransport) link =
                tb_adb_service(io, &lane->lane.target, "exec:" LOGCAT " -d 2>/dev/null", error);
        guint8 chunk[32 * 1024];
        gssize n;

        tb_adb_log_look(&lane->seen);
        if (link == NULL)
                return false;
        while ((n = tb_transport_read(link, io, chunk, sizeof(chunk), TB_ADB_ANSWER_MS, error)) > 0) {
                g_byte_array_append(lane->in, chunk, (guint)n);
                take_lines(lane, look_at);
        }
        g_byte_array_set_size(lane->in, 0);
        return n == 0;
}

bool tb_adb_logs_open(TbInstance *self, TbIo *io, GError **error)
{
        TbAdbLogLane *lane = (TbAdbLogLane *)self;
        json_int_t replay = json_integer_value(json_object_get(self->params, "log_replay"));
        g_autofree char *first = g_strdup_printf("exec:" LOGCAT " -T %d 2>/dev/null", (int)MAX(replay, 1));

        if (!tb_adb_lane_open(self, io, error))
                return false;
        lane->in = g_byte_array_new();
        bool again = lane->seen.n > 0;
        if (again && !look_through(lane, io, error))
                return false;
        lane->link =
                tb_adb_service(io, &lane->lane.target, again ? "exec:" LOGCAT " 2>/dev/null" : first, error);
        return lane->link != NULL;
}

void tb_adb_logs_close(TbInstance *self)
{
        TbAdbLogLane *lane = (TbAdbLogLane *)self;

        g_clear_pointer(&lane->link, tb_transport_close);
        g_clear_pointer(&lane->in, g_byte_array_unref);
}

bool tb_adb_logs_pump(TbInstance *self, TbIo *io, GError **error)
{
        TbAdbLogLane *lane = (TbAdbLogLane *)self;
        struct pollfd fd = {.fd = tb_transport_fd(lane->link), .events = POLLIN};
        guint8 chunk[32 * 1024];
        gssize n;

        if (tb_io_wait(io, &fd, 1, -1) != TB_WAIT_READY)
                return true;
        n = tb_transport_read(lane->link, io, chunk, sizeof(chunk), TB_ADB_ANSWER_MS, error);
        if (n < 0)
                return false;
        if (n == 0) {
                tb_set_error(error, TB_ERROR_GONE, "%s: logcat ended", lane->lane.target.serial);
                return false;
        }
        g_byte_array_append(lane->in, chunk, (guint)n);
        take_lines(lane, tell);
        return true;
}

const TbLogsOps tb_adb_logs_ops = {.format = "threadtime"};
