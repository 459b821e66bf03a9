/* The process: started and ended here, its state read from the process itself and by QMP. */
#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "drivers/qemu/qemu.h"
#include "drivers/qemu/qmp.h"
#include "lib/log.h"

#define START_MS 10000  /* until QEMU answers on QMP */
#define CONSOLE_MS 2000 /* how long the CPU waits for our console lane */
#define QUIT_MS 3000    /* from "quit" to the end of the process */
#define TAIL 2048       /* bytes of QEMU's stderr that are kept for the reason */

static TbQemuMachine *machine_of(TbInstance *self)
{
        return (TbQemuMachine *)self;
}

static void tell_power(TbQemuMachine *m)
{
        TbPowerState state = {m->child ? TB_POWER_ON : TB_POWER_OFF, NAN, NAN, NAN, NAN, m->autostarted};
        m->base.up->power(&m->base, &state);
}

static void read_stderr(TbQemuMachine *m)
{
        char buf[1024];
        gssize n;
        while ((n = tb_transport_read_now(tb_child_stderr(m->child), buf, sizeof buf, NULL)) > 0) {
                g_string_append_len(m->tail, buf, n);
                if (m->tail->len > TAIL)
                        g_string_erase(m->tail, 0, (gssize)(m->tail->len - TAIL));
        }
}

/* The last line that QEMU printed, or "". Its stderr is not ours to trust: what is not UTF-8 is replaced. */
static char *last_words(TbQemuMachine *m)
{
        g_strchomp(m->tail->str);
        const char *line = strrchr(m->tail->str, '\n');
        return g_utf8_make_valid(line ? line + 1 : m->tail->str, -1);
}

static char *path_in(TbQemuMachine *m, const char *name)
{
        return g_build_filename(m->base.run_dir, name, NULL);
}

static void remove_sockets(TbQemuMachine *m)
{
        static const char *const names[] = {"qmp", "serial", "vnc", "pid"};
        for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *path = path_in(m, names[i]);
                g_unlink(path);
        }
}

static void set_off_reason(TbQemuMachine *m, const char *reason)
{
        g_autofree char *path = path_in(m, "off");
        if (!reason)
                g_unlink(path);
        else
                g_file_set_contents(path, reason, -1, NULL);
}

/* The process is gone, or is to go now. `fault`: NULL when it was meant to. */
static void reap(TbQemuMachine *m, const char *fault)
{
        tb_qemu_qmp_close(g_steal_pointer(&m->qmp));
        set_off_reason(m, fault); /* before the connections end: the screen lane reads it then */
        tb_child_free(g_steal_pointer(&m->child), 500);
        remove_sockets(m);
        if (fault || m->faulty)
                m->base.up->fault(&m->base, fault);
        m->faulty = fault != NULL;
        tell_power(m);
}

static char *end_text(TbQemuMachine *m, int status)
{
        if (status > 128)
                return g_strdup_printf("QEMU ended by signal %d", status - 128);
        g_autofree char *words = last_words(m);
        return g_strdup_printf("QEMU ended with exit code %d%s%s", status, *words ? ": " : "", words);
}

static void on_event(gpointer data, const char *name, json_t *value)
{
        TbQemuMachine *m = data;
        if (strcmp(name, "SHUTDOWN") == 0)
                m->expected = true;
        static const char *const told[] = {"SHUTDOWN", "POWERDOWN",      "RESET",   "STOP",
                                           "RESUME",   "GUEST_PANICKED", "WATCHDOG"};
        for (guint i = 0; i < G_N_ELEMENTS(told); i++)
                if (strcmp(name, told[i]) == 0) {
                        g_autofree char *lower = g_ascii_strdown(name, -1);
                        g_autofree char *type = g_strconcat("machine.", lower, NULL);
                        m->base.up->event(&m->base, type, json_incref(value));
                }
}

/* --- on --- */
static bool wait_qmp(TbQemuMachine *m, TbIo *io, GError **error)
{
        TbQemuLink link;
        if (!tb_qemu_link_open(&link, m->base.run_dir, "qmp", error))
                return false;
        g_autofree char *path = path_in(m, "qmp");
        gint64 end = g_get_monotonic_time() + START_MS * 1000;
        bool ok = false;
        for (;;) {
                int status;
                g_autoptr(GError) mine = NULL;
                if (tb_child_ended(m->child, &status)) {
                        read_stderr(m);
                        g_autofree char *text = end_text(m, status);
                        tb_set_error(error, TB_ERROR_DEVICE, "%s", text);
                        break;
                }
                m->qmp = tb_qemu_qmp_open(io, path, on_event, m, &mine);
                if (m->qmp) {
                        ok = true;
                        break;
                }
                if (!g_error_matches(mine, TB_ERROR, TB_ERROR_GONE)) {
                        g_propagate_error(error, g_steal_pointer(&mine));
                        break;
                }
                struct pollfd p[2] = {{.fd = link.watch, .events = POLLIN},
                                      {.fd = tb_child_pidfd(m->child), .events = POLLIN}};
                TbWait w = g_get_monotonic_time() > end ? TB_WAIT_TIMEOUT : tb_io_wait(io, p, 2, 50);
                char buf[1024];
                if (p[0].revents)
                        (void)!read(link.watch, buf, sizeof buf);
                if (w == TB_WAIT_STOP || g_get_monotonic_time() > end) {
                        tb_io_fail(w == TB_WAIT_STOP ? w : TB_WAIT_TIMEOUT, "QEMU's control connection",
                                   error);
                        break;
                }
                if (w == TB_WAIT_READY && !p[1].revents &&
                    !tb_io_sleep(io, 5, error)) /* bound, not yet listening */
                        break;
        }
        tb_qemu_link_close(&link);
        return ok;
}

/* Not a byte of the console may be lost: the CPU starts when our console lane is connected, or when it does
 * not come (nobody attached it). */
static bool wait_console(TbQemuMachine *m, TbIo *io, GError **error)
{
        gint64 end = g_get_monotonic_time() + CONSOLE_MS * 1000;
        for (;;) {
                json_t *list = NULL;
                if (!tb_qemu_qmp_run(m->qmp, io, "query-chardev", NULL, &list, error))
                        return false;
                bool connected = tb_qemu_qmp_chardev_connected(list, TB_QEMU_SERIAL_LABEL);
                json_decref(list);
                if (connected)
                        return true;
                if (g_get_monotonic_time() > end) {
                        tb_log(TB_LOG_INFO, TB_F("device", m->base.device),
                               "qemu: nobody is connected to the serial port; starting anyway");
                        return true;
                }
                if (!tb_io_sleep(io, 10, error))
                        return false;
        }
}

static bool power_on(TbQemuMachine *m, TbIo *io, GError **error)
{
        if (m->child)
                return true;
        remove_sockets(m);
        g_string_truncate(m->tail, 0);
        m->expected = false;
        g_auto(GStrv) argv = tb_qemu_argv(m->base.uri, m->base.params, m->base.run_dir);
        m->child = tb_child_spawn((const char *const *)argv, NULL, NULL, TB_CHILD_STDERR, error);
        if (!m->child)
                return false;
        g_autofree char *pid = g_strdup_printf("%d\n", (int)tb_child_pid(m->child)),
                        *pid_path = path_in(m, "pid");
        g_file_set_contents(pid_path, pid, -1, NULL); /* for people who look for the process of this device */
        if (!wait_qmp(m, io, error) || !wait_console(m, io, error) ||
            !tb_qemu_qmp_run(m->qmp, io, "cont", NULL, NULL, error)) {
                int status;
                bool ended = tb_child_ended(m->child, &status);
                reap(m, ended && error && *error ? (*error)->message : NULL);
                return false;
        }
        set_off_reason(m, NULL);
        if (m->faulty)
                m->base.up->fault(&m->base, NULL);
        m->faulty = false;
        tell_power(m);
        return true;
}

/* --- off --- */
static bool wait_end(TbQemuMachine *m, TbIo *io, int ms)
{
        int status;
        return tb_child_wait(m->child, io, ms, &status, NULL);
}

static bool power_off(TbQemuMachine *m, TbIo *io, GError **error)
{
        if (!m->child)
                return true;
        m->expected = true;
        int grace_s = (int)json_integer_value(json_object_get(m->base.params, "shutdown_s"));
        if (grace_s > 0 && tb_qemu_qmp_run(m->qmp, io, "system_powerdown", NULL, NULL, NULL) &&
            wait_end(m, io, grace_s * 1000)) {
                reap(m, NULL);
                return true;
        }
        if (tb_interruptor_raised(io->stop))
                return tb_io_fail(TB_WAIT_STOP, "switching QEMU off", error);
        tb_qemu_qmp_run(m->qmp, io, "quit", NULL, NULL, NULL); /* QEMU may be gone before it answers */
        wait_end(m, io, QUIT_MS);
        reap(m, NULL); /* kills it if it is still there */
        return true;
}

/* --- ops --- */
static void check_child(TbQemuMachine *m)
{
        int status;
        if (!m->child || !tb_child_ended(m->child, &status))
                return;
        read_stderr(m);
        g_autofree char *text = end_text(m, status);
        reap(m, m->expected && status == 0 ? NULL : text);
}

static bool set(TbInstance *self, TbIo *io, bool on, GError **error)
{
        TbQemuMachine *m = machine_of(self);
        check_child(m);
        return on ? power_on(m, io, error) : power_off(m, io, error);
}

static bool get(TbInstance *self, TbIo *io, TbPowerState *ret, GError **error)
{
        TbQemuMachine *m = machine_of(self);
        check_child(m);
        *ret = (TbPowerState){TB_POWER_OFF, NAN, NAN, NAN, NAN};
        if (!m->child)
                return true;
        json_t *status = NULL;
        if (!tb_qemu_qmp_run(m->qmp, io, "query-status", NULL, &status, error))
                return false;
        const char *text = json_string_value(json_object_get(status, "status"));
        ret->observed = text && strcmp(text, "shutdown") == 0 ? TB_POWER_OFF : TB_POWER_ON;
        json_decref(status);
        return true;
}

const TbPowerOps tb_qemu_power = {
        .set = set, .get = get}; /* cycle: core's off, wait, on is what a power cut does to a board */

/* --- lane --- */
bool tb_qemu_machine_open(TbInstance *self, TbIo *io, GError **error G_GNUC_UNUSED)
{
        TbQemuMachine *m = machine_of(self);
        m->tail = g_string_new(NULL);
        set_off_reason(m, NULL);
        remove_sockets(m); /* of a daemon that was killed */
        if (json_is_true(json_object_get(self->params, "autostart")) && !m->tried_autostart) {
                m->tried_autostart = true; /* once: somebody may have switched it off since */
                g_autoptr(GError) mine = NULL;
                m->autostarted = power_on(m, io, &mine);
                if (!m->autostarted) { /* the lane is open all the same: power on can be tried again */
                        m->faulty = true;
                        self->up->fault(self, mine->message);
                        set_off_reason(m, mine->message);
                }
        }
        tell_power(m);
        return true;
}

void tb_qemu_machine_close(TbInstance *self)
{
        TbQemuMachine *m = machine_of(self);
        tb_qemu_qmp_close(g_steal_pointer(&m->qmp));
        tb_child_free(g_steal_pointer(&m->child), QUIT_MS / 3);
        if (m->tail) {
                remove_sockets(m);
                set_off_reason(m, NULL);
                g_string_free(m->tail, TRUE);
        }
        m->tail = NULL;
}

bool tb_qemu_machine_pump(TbInstance *self, TbIo *io, GError **error G_GNUC_UNUSED)
{
        TbQemuMachine *m = machine_of(self);
        if (!m->child) {
                tb_io_wait(io, NULL, 0, -1);
                return true;
        }
        struct pollfd p[3] = {{.fd = tb_child_pidfd(m->child), .events = POLLIN},
                              {.fd = tb_qemu_qmp_fd(m->qmp), .events = POLLIN},
                              {.fd = tb_transport_fd(tb_child_stderr(m->child)), .events = POLLIN}};
        bool stderr_open = (p[2].fd >= 0);
        if (tb_io_wait(io, p, stderr_open ? 3 : 2, -1) != TB_WAIT_READY)
                return true;
        if (p[2].revents & POLLIN)
                read_stderr(m);
        bool hung_up = p[1].revents && !tb_qemu_qmp_pump(m->qmp, NULL);
        if ((hung_up || (p[2].revents & POLLHUP)) && !p[0].revents)
                wait_end(m, io, QUIT_MS); /* it is about to end */
        if (hung_up && !tb_child_ended(m->child, NULL)) {
                reap(m, "QEMU closed its control connection");
                return true;
        }
        check_child(m);
        return true;
}
