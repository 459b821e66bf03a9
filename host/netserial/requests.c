/* What a client asks for by telnet and RFC 2217: settings, breaks, lines, who it is. */
#include <string.h>

#include "host/netserial/client_private.h"
#include "lib/error.h"
#include "lib/http/auth.h"
#include "lib/limits.h"

#define BREAK_MS 250 /* of telnet's BRK, which says no length */

/* --- RFC 2217: requests --- */
static void answer(TbSerialClient *c)
{
        guint8 code = c->telnet.sub[1], value[4];
        const guint8 *asked = c->telnet.sub + 2;
        gsize size = tb_comport_answer(&c->port, code, asked, c->telnet.sub_size - 2, value);
        c->request = false;
        if (size > 0)
                tb_telnet_write_sub(c->out, TB_TELNET_COM_PORT, code + TB_COM_ANSWER, value, size);
}

static void notify_modem(TbSerialClient *c, const json_t *lines)
{
        guint8 now = tb_comport_modem(lines, c->modem);
        guint8 value = now & c->modem_mask;
        c->modem = now;
        if (value)
                tb_telnet_write_sub(c->out, TB_TELNET_COM_PORT, TB_COM_MODEM_STATE + TB_COM_ANSWER, &value,
                                    1);
}

void tb_serial_client_line(TbSerialClient *c, const json_t *errors)
{
        guint8 value = tb_comport_line(errors) & c->line_mask;
        if (value && !c->ending) {
                c->line_missed |= value;
                tb_serial_client_flush(c);
        }
}

void tb_serial_client_modem(TbSerialClient *c, const json_t *lines)
{
        if (!c->known || c->ending)
                return;
        json_decref(c->modem_missed);
        c->modem_missed = json_copy((json_t *)lines);
        tb_serial_client_flush(c);
}

void tb_serial_tell_missed(TbSerialClient *c)
{
        json_auto_t *lines = g_steal_pointer(&c->modem_missed);
        guint8 line = c->line_missed;
        c->line_missed = 0;
        if (line)
                tb_telnet_write_sub(c->out, TB_TELNET_COM_PORT, TB_COM_LINE_STATE + TB_COM_ANSWER, &line, 1);
        if (lines)
                notify_modem(c, lines);
}

/* Who may not set the line, because somebody else has it, is answered how it is: so programs can watch. */
static void settled(TbSerialClient *c)
{
        c->command = NULL;
        tb_serial_client_step(c);
}

static void on_get(json_t *result, const GError *error G_GNUC_UNUSED, gpointer data)
{
        TbSerialClient *c = data;
        tb_comport_update(&c->port, result);
        c->known = true;
        c->wired = json_is_boolean(json_object_get(result, "dtr"));
        notify_modem(c, result);
        settled(c);
}

static void on_set(json_t *result, const GError *error, gpointer data)
{
        TbSerialClient *c = data;
        /* A console without a wire (TCP, a pty) cannot be set, and need not be: clients (pyserial) take another value than
         * theirs for a failure, which it is where a real line refuses. */
        bool wireless = !c->wired && g_error_matches(error, TB_ERROR, TB_ERROR_UNSUPPORTED);
        json_auto_t *asked =
                wireless ? tb_comport_params(c->telnet.sub[1], c->telnet.sub + 2, c->telnet.sub_size - 2)
                         : NULL;
        tb_comport_update(&c->port, asked ? asked : result);
        answer(c);
        settled(c);
}

static void on_break(json_t *result G_GNUC_UNUSED, const GError *error G_GNUC_UNUSED, gpointer data)
{
        answer(data);
        settled(data);
}

static void on_brk(json_t *result G_GNUC_UNUSED, const GError *error G_GNUC_UNUSED, gpointer data)
{
        settled(data); /* telnet has no way to say that there was none */
}

/* A break lasts until it is taken back, and ours needs its length beforehand: it is sent at its end. */
static void take_break(TbSerialClient *c, guint8 value)
{
        gint64 now = g_get_monotonic_time();
        if (value == TB_COM_BREAK_ON && !c->break_us)
                c->break_us = now;
        c->port.breaking = value == TB_COM_BREAK_ON;
        if (value != TB_COM_BREAK_OFF || !c->break_us) {
                answer(c);
                return;
        }
        gint64 ms = CLAMP((now - c->break_us) / 1000, 1, TB_LIMIT_BREAK_MS);
        c->break_us = 0;
        json_auto_t *params = json_pack("{s:I}", "ms", (json_int_t)ms);
        tb_serial_client_run(c, "break", params, NULL, on_break);
}

static void purge(TbSerialClient *c, guint8 what)
{
        if (what & 1) /* what the client did not get yet */
                tb_history_reader_seek(c->reader, TB_HISTORY_NOW);
        if (what & 2) {
                g_byte_array_set_size(c->pending, 0);
                g_clear_pointer(&c->writing, g_bytes_unref);
        }
        answer(c);
}

/* Who it is: "lease=SECRET" or "token=TOKEN" show what a program of REST shows in a header. Anything else is a name, and is nothing
 * to us. False: it has ended. */
static bool take_signature(TbSerialClient *c)
{
        g_autofree char *text = g_strndup((const char *)c->telnet.sub + 2, c->telnet.sub_size - 2);
        const char *name = NULL;
        if (g_str_has_prefix(text, "lease=")) {
                g_free(c->lease);
                c->lease = g_strdup(text + strlen("lease="));
        } else if (g_str_has_prefix(text, "token=")) {
                const TbHostConfig *config = tb_core_config(c->options.core);
                TbRole role = tb_auth_check(config->auth, text + strlen("token="), &name);
                if (role < TB_ROLE_OPERATOR) {
                        tb_serial_client_end(c, "its signature holds no token of an operator of this host");
                        return false;
                }
                g_free(c->user);
                c->user = g_strdup(name);
                tb_serial_client_known(c);
        }
        return true;
}

/* Runs the request in telnet.sub; everything that came before it has been written. */
void tb_serial_request(TbSerialClient *c)
{
        guint8 code = c->telnet.sub[1], first = c->telnet.sub_size > 2 ? c->telnet.sub[2] : 0;
        if (c->telnet.brk) {
                json_auto_t *ms = json_pack("{s:i}", "ms", BREAK_MS);
                c->request = c->telnet.brk = false;
                tb_serial_client_run(c, "break", ms, NULL, on_brk);
                return;
        }
        json_auto_t *params = tb_comport_params(code, c->telnet.sub + 2, c->telnet.sub_size - 2);
        if (params) {
                tb_serial_client_run(c, "set", params, NULL, on_set);
                return;
        }
        switch (code) {
        case TB_COM_SIGNATURE:
                c->request = false;
                if (!take_signature(c))
                        return;
                tb_telnet_write_sub(c->out, TB_TELNET_COM_PORT, TB_COM_SIGNATURE + TB_COM_ANSWER,
                                    (const guint8 *)"testbed", strlen("testbed"));
                break;
        case TB_COM_CONTROL:
                if (first >= TB_COM_BREAK_ON && first <= TB_COM_BREAK_OFF)
                        take_break(c, first);
                else
                        answer(c);
                break;
        case TB_COM_SUSPEND:
        case TB_COM_RESUME:
                c->suspended = code == TB_COM_SUSPEND;
                answer(c);
                break;
        case TB_COM_MODEM_MASK:
                c->modem_mask = first;
                answer(c);
                break;
        case TB_COM_LINE_MASK:
                c->line_mask = first;
                answer(c);
                break;
        case TB_COM_PURGE: purge(c, first); break;
        default: answer(c); break; /* queries, notes of theirs */
        }
}

void tb_serial_get_settings(TbSerialClient *c)
{
        tb_serial_client_run(c, "get", NULL, NULL, on_get);
}
