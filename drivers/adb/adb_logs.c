/* adb_logs.c - the log of a phone: one logcat that runs for as long as the phone is there, and goes on where
 * it was after a break */
#include "drivers/adb/adb_lanes.h"

#include <string.h>

#include "drivers/adb/adb_dump.h"
#include "lib/limits.h"

bool tb_adb_logs_open(TbInstance *self, TbIo *io, GError **error)
{
        TbAdbLogLane *lane = (TbAdbLogLane *)self;
        json_int_t replay = json_integer_value(json_object_get(self->params, "log_replay"));
        g_autofree char *from = NULL, *service = NULL;

        if (!tb_adb_lane_open(self, io, error))
                return false;
        if (lane->last_ms > 0)
                from = g_strdup_printf("%" G_GINT64_FORMAT ".%03d", lane->last_ms / 1000,
                                       (int)(lane->last_ms % 1000));
        else
                from = g_strdup_printf("%d", (int)MAX(replay, 1));
        lane->skip = lane->at_last;
        lane->in = g_byte_array_new();
        service = g_strdup_printf("exec:logcat -v threadtime -v epoch -T %s 2>/dev/null", from);
        lane->link = tb_adb_service(io, &lane->lane.target, service, error);
        return lane->link != NULL;
}

void tb_adb_logs_close(TbInstance *self)
{
        TbAdbLogLane *lane = (TbAdbLogLane *)self;

        g_clear_pointer(&lane->link, tb_transport_close);
        g_clear_pointer(&lane->in, g_byte_array_unref);
}

/* Told already, before the break? Keeps the book of what was told. */
static bool seen(TbAdbLogLane *lane, gint64 t_ms)
{
        if (t_ms == lane->last_ms && lane->skip > 0) {
                lane->skip--;
                return true;
        }
        if (t_ms == lane->last_ms) {
                lane->at_last++;
        } else if (t_ms > lane->last_ms) {
                lane->last_ms = t_ms;
                lane->at_last = 1;
                lane->skip = 0;
        }
        return false;
}

static void tell(TbAdbLogLane *lane, char *line)
{
        TbInstance *self = &lane->lane.instance;
        g_autofree char *text = NULL, *valid = NULL, *stamp = NULL;
        g_autoptr(GDateTime) time = NULL;
        const char *rest;
        gint64 t_ms;

        g_strchomp(line);
        if (*line == '\0' || g_str_has_prefix(line, "--------- "))
                return;
        valid = g_utf8_make_valid(line, -1);
        if (!tb_adb_parse_log(valid, &t_ms, &rest)) {
                self->up->line(self, valid, 0);
                return;
        }
        if (seen(lane, t_ms))
                return;
        time = g_date_time_new_from_unix_utc(t_ms / 1000);
        stamp = g_date_time_format(time, "%m-%d %H:%M:%S");
        text = g_strdup_printf("%s.%03d %s", stamp, (int)(t_ms % 1000), rest);
        self->up->line(self, text, t_ms);
}

static void take_lines(TbAdbLogLane *lane)
{
        guint8 *end;
        gsize at = 0;

        while ((end = memchr(lane->in->data + at, '\n', lane->in->len - at)) != NULL) {
                gsize size = (gsize)(end - lane->in->data) - at;
                g_autofree char *line = g_strndup((const char *)lane->in->data + at, size);

                tell(lane, line);
                at += size + 1;
        }
        g_byte_array_remove_range(lane->in, 0, (guint)at);
        if (lane->in->len > TB_LIMIT_LINE) { /* no line: tell it in parts */
                g_autofree char *line = g_strndup((const char *)lane->in->data, lane->in->len);

                tell(lane, line);
                g_byte_array_set_size(lane->in, 0);
        }
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
        take_lines(lane);
        return true;
}

const TbLogsOps tb_adb_logs_ops = {.format = "threadtime"};
