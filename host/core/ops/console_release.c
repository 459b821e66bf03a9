/*
 * console: its tty is lent to a program that runs beside the host (esptool, picocom), and taken back: when the time is over, or at
 * once by for_s 0. What stands open here stays open, as when an adapter is pulled. A host that is started again has it again.
 */
#include "host/core/ops/console_line.h"
#include "host/core/private.h"
#include "lib/clock.h"
#include "lib/limits.h"

#define LENT "lent to a program on the host" /* web/app/views/device.js knows these words */

/* Behind the close, or the open: the tty is free, or had again, when the caller reads the answer. */
static bool exec_behind(TbCommand *c, TbInstance *instance G_GNUC_UNUSED, TbIo *io G_GNUC_UNUSED,
                        GError **error G_GNUC_UNUSED)
{
        c->result = json_object();
        return true;
}

static void after_behind(TbCommand *c)
{
        json_decref(c->result);
        c->result = NULL;
        c->call.while_absent = false;
        tb_console_get(c);
}

static void take_back(TbInterface *iface)
{
        iface->released_ms = 0;
        g_clear_pointer(&iface->released_by, g_free);
        tb_worker_park(tb_interface_worker(iface), 0, NULL);
}

void tb_console_release(TbCommand *c)
{
        TbInterface *iface = c->iface;
        const TbConsoleOps *ops = tb_interface_ops(iface);
        gint64 for_s = tb_command_int(c, "for_s");
        if (!ops->releases) {
                tb_console_unsupported(c, "tty that a program of the host could be lent");
                return;
        }
        if (!tb_interface_worker(iface)) {
                tb_command_fail(
                        c, g_error_new(TB_ERROR, TB_ERROR_UNAVAILABLE, "%s has no thread now", iface->id),
                        NULL);
                return;
        }
        c->call.while_absent = true;
        if (for_s == 0) {
                take_back(iface);
                tb_command_dispatch(c, exec_behind, after_behind);
                return;
        }
        iface->released_ms = tb_clock_ms() + for_s * 1000;
        g_free(iface->released_by);
        iface->released_by = g_strcmp0(c->actor.user, "local") == 0 ? NULL : g_strdup(c->actor.user);
        g_autofree char *until = tb_clock_rfc3339(iface->released_ms),
                        *why = g_strdup_printf(LENT " until %s%s%s", until, c->actor.user ? ", by " : "",
                                               c->actor.user ? c->actor.user : "");
        tb_worker_park(tb_interface_worker(iface), g_get_monotonic_time() + for_s * G_TIME_SPAN_SECOND, why);
        tb_command_dispatch(c, exec_behind, after_behind);
}

json_t *tb_console_released(const TbInterface *iface)
{
        if (tb_clock_ms() >= iface->released_ms)
                return NULL;
        g_autofree char *until = tb_clock_rfc3339(iface->released_ms);
        return json_pack("{s:s, s:s?}", "until", until, "by", iface->released_by);
}

const TbParam tb_console_release_params[] = {
        {.name = "for_s",
         .type = TB_PARAM_INT,
         .required = true,
         .min = 0,
         .max = TB_LIMIT_CONSOLE_RELEASE_S,
         .unit = "s",
         .help = "how long the host leaves the tty alone; 0: no more"},
        TB_PARAM_END,
};
