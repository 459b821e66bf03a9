/* console: write, break, size, history. Settings are in console_line.c, expect in expect.c. */
#include <string.h>

#include "host/core/console/expect.h"
#include "host/core/ops/command.h"
#include "host/core/ops/console_line.h"
#include "host/core/private.h"
#include "lib/clock.h"
#include "lib/limits.h"

void tb_console_unsupported(TbCommand *c, const char *what)
{
        tb_command_fail(c,
                        g_error_new(TB_ERROR, TB_ERROR_UNSUPPORTED, "%s (%s) has no %s", c->iface->id,
                                    c->iface->attachment->driver->name, what),
                        NULL);
}

static bool exec_break(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        return TB_STEP(c, instance->lane->console->send_break, instance, io, (int)tb_command_int(c, "ms"),
                       error);
}

static void send_break(TbCommand *c)
{
        const TbConsoleOps *ops = tb_interface_ops(c->iface);
        if (ops->send_break)
                tb_command_dispatch(c, exec_break, NULL);
        else
                tb_console_unsupported(c, "break");
}

static bool exec_resize(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        return TB_STEP(c, instance->lane->console->resize, instance, io, (int)tb_command_int(c, "columns"),
                       (int)tb_command_int(c, "rows"), error);
}

static void resize(TbCommand *c)
{
        const TbConsoleOps *ops = tb_interface_ops(c->iface);
        if (ops->resize)
                tb_command_dispatch(c, exec_resize, NULL);
        else
                tb_console_unsupported(c, "size: it is a line, not a terminal");
}

static void tell_written(TbCommand *c)
{
        json_decref(c->result);
        c->result = json_pack("{s:I}", "written", (json_int_t)c->write.taken);
}

static bool write_some(TbCommand *c, TbInstance *instance, TbIo *io, const void *data, gsize size,
                       GError **error)
{
        return TB_STEP(c, instance->lane->console->write, instance, io, data, size, error);
}

static bool exec_write(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        gsize size, before = c->write.taken;
        const guint8 *data = g_bytes_get_data(c->bytes, &size);
        gint64 deadline = io->deadline_us;
        GError *why = NULL;
        c->sent_ms = tb_clock_ms();
        io->taken = 0;
        io->deadline_us =
                MIN(deadline, g_get_monotonic_time() + TB_LIMIT_WRITE_TURN_MS * G_TIME_SPAN_MILLISECOND);
        bool ok = before == size || write_some(c, instance, io, data + before, size - before, &why);
        io->deadline_us = deadline;
        c->write.taken = ok ? size : before + MIN(io->taken, size - before);
        gint64 now = g_get_monotonic_time();
        if (c->write.taken > before || !c->write.moved_us)
                c->write.moved_us = now;
        tell_written(c);
        if (!ok && g_error_matches(why, TB_ERROR, TB_ERROR_TIMEOUT)) { /* its turn is over */
                c->write.late = now - c->write.moved_us >= TB_LIMIT_WRITE_STALL_MS * G_TIME_SPAN_MILLISECOND;
                g_clear_error(&why);
                return true;
        }
        if (!ok)
                g_propagate_error(error, why);
        return ok;
}

/* The turn is over: what the device took in it. */
static void settle_write(TbCommand *c)
{
        const char *data = g_bytes_get_data(c->bytes, NULL);
        if (c->write.taken > c->write.told)
                tb_command_tell_input(c, NULL, data + c->write.told, c->write.taken - c->write.told);
        c->write.told = c->write.taken;
}

static void after_write(TbCommand *c)
{
        gsize size = g_bytes_get_size(c->bytes);
        if (c->write.taken == size) {
                c->write.after(c);
        } else if (c->write.late) {
                tb_command_fail(
                        c,
                        g_error_new(TB_ERROR, TB_ERROR_TIMEOUT,
                                    "%s took %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT
                                    " bytes, and no more for %d s: does the target's flow control hold the "
                                    "line, or does nobody read there?",
                                    c->iface->id, c->write.taken, size, TB_LIMIT_WRITE_STALL_MS / 1000),
                        g_steal_pointer(&c->result));
        } else {
                if (c->verb->timeout_ms >= TB_LIMIT_WRITE_STALL_MS * 2) /* expect has its own */
                        tb_command_extend(c);
                tb_command_dispatch(c, exec_write, after_write);
        }
}

void tb_console_write(TbCommand *c, void (*after)(TbCommand *))
{
        c->write.after = after;
        c->settle = settle_write;
        tell_written(c);
        tb_command_dispatch(c, exec_write, after_write);
}

bool tb_console_goes_on(const json_t *result, const GError *error, gsize size, gsize *ret_taken)
{
        const json_t *taken = json_object_get(result, "written");
        *ret_taken = error ? MIN((gsize)json_integer_value(taken), size) : size;
        return !error || g_error_matches(error, TB_ERROR, TB_ERROR_LIMIT) ||
               (taken && g_error_matches(error, TB_ERROR, TB_ERROR_TIMEOUT));
}

static void written(TbCommand *c)
{
        tb_command_succeed(c, g_steal_pointer(&c->result));
}

static GBytes *payload_of(TbCommand *c, GError **error)
{
        const char *text = tb_command_string(c, "text"), *base64 = tb_command_string(c, "base64");
        if ((text != NULL) == (base64 != NULL)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "text", "give either \"text\" or \"base64\"");
                return NULL;
        }
        if (text)
                return g_bytes_new(text, json_string_length(json_object_get(c->params, "text")));
        gsize n = strlen(base64), size = 0;
        for (gsize i = 0; i < n; i++) {
                if (!g_ascii_isalnum(base64[i]) && !strchr("+/=", base64[i])) {
                        tb_error_set_field(error, TB_ERROR_INVALID, "base64", "not base64: character %zu", i);
                        return NULL;
                }
        }
        guchar *raw = g_base64_decode(base64, &size);
        return g_bytes_new_take(raw, size);
}

static void write_(TbCommand *c)
{
        GError *error = NULL;
        if (!c->bytes)
                c->bytes = payload_of(c, &error);
        if (c->bytes && g_bytes_get_size(c->bytes) > TB_LIMIT_CONSOLE_WRITE)
                tb_error_set_field(&error, TB_ERROR_TOO_LARGE, "text", "one write takes %d bytes at most",
                                   TB_LIMIT_CONSOLE_WRITE);
        if (error)
                tb_command_fail(c, error, NULL);
        else
                tb_console_write(c, written);
}

enum { WRITE_BASE64 = (TB_LIMIT_CONSOLE_WRITE + 2) / 3 * 4 }; /* bytes of the longest write as base64 */
static const TbParam write_params[] = {
        {.name = "text", .type = TB_PARAM_STRING, .max = TB_LIMIT_CONSOLE_WRITE, .help = "sent as UTF-8"},
        {.name = "base64", .type = TB_PARAM_STRING, .max = WRITE_BASE64, .help = "any bytes"},
        TB_PARAM_END,
};
static const TbParam break_params[] = {
        {.name = "ms",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = TB_LIMIT_BREAK_MS,
         .fallback = "250",
         .unit = "ms",
         .help = "how long"},
        TB_PARAM_END,
};
static const TbParam resize_params[] = {
        {.name = "columns",
         .type = TB_PARAM_INT,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_TERMINAL_SIDE,
         .help = "of the terminal"},
        {.name = "rows",
         .type = TB_PARAM_INT,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_TERMINAL_SIDE,
         .help = "of the terminal"},
        TB_PARAM_END,
};
static const TbParam log_params[] = {
        TB_PARAM_LINES,
        {.name = "format",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("text", "jsonl"),
         .fallback = "\"text\"",
         .help = "how lines are written"},
        TB_PARAM_END,
};

const TbVerbRun tb_console_verbs[] = {
        {.verb = {.kind = TB_KIND_CONSOLE,
                  .op = "get",
                  .role = TB_ROLE_VIEWER,
                  .flags = TB_VERB_JOINS,
                  .timeout_ms = 10000,
                  .params = tb_no_params,
                  .method = "GET",
                  .path = "",
                  .summary = "Line settings, history offsets, clients",
                  .answers = "200 application/json Console"},
         .start = tb_console_get},
        {.verb = {.kind = TB_KIND_CONSOLE,
                  .op = "set",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL,
                  .timeout_ms = 10000,
                  .params = tb_console_set_params,
                  .method = "PATCH",
                  .path = "",
                  .summary = "Change line settings and modem lines; what is not named stays",
                  .answers = "200 application/json Console"},
         .start = tb_console_set},
        {.verb = {.kind = TB_KIND_CONSOLE,
                  .op = "write",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL | TB_VERB_QUIET,
                  .timeout_ms = 120000,
                  .params = write_params,
                  .method = "POST",
                  .path = "/write",
                  .summary = "Send text or bytes",
                  .answers = "200 application/json Written"},
         .start = write_},
        {.verb = {.kind = TB_KIND_CONSOLE,
                  .op = "break",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL,
                  .timeout_ms = 15000,
                  .params = break_params,
                  .method = "POST",
                  .path = "/break",
                  .summary = "Send a break",
                  .answers = "200 application/json"},
         .start = send_break},
        {.verb = {.kind = TB_KIND_CONSOLE,
                  .op = "release",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL,
                  .timeout_ms = 15000,
                  .params = tb_console_release_params,
                  .method = "POST",
                  .path = "/release",
                  .summary = "Lend the tty to a program of the host (esptool, picocom) for a while; for_s 0 "
                             "takes it back",
                  .answers = "200 application/json Console"},
         .start = tb_console_release},
        {.verb = {.kind = TB_KIND_CONSOLE,
                  .op = "resize",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL | TB_VERB_QUIET,
                  .timeout_ms = 10000,
                  .params = resize_params,
                  .method = "POST",
                  .path = "/resize",
                  .summary = "Tell a program that runs in a terminal how large that is",
                  .answers = "200 application/json"},
         .start = resize},
        {.verb = {.kind = TB_KIND_CONSOLE,
                  .op = "expect",
                  .role = TB_ROLE_VIEWER,
                  .timeout_ms = 10000,
                  .params = tb_expect_params,
                  .method = "POST",
                  .path = "/expect",
                  .summary = "Optionally send, then wait for a pattern; 504 with what was seen",
                  .answers = "200 application/json Match; 504"},
         .start = tb_expect_start},
        {.verb = {.kind = TB_KIND_CONSOLE,
                  .op = "log",
                  .role = TB_ROLE_VIEWER,
                  .timeout_ms = 10000,
                  .params = log_params,
                  .method = "GET",
                  .path = "/log",
                  .http = TB_VERB_SPECIAL,
                  .summary = "The history, a line each with its time",
                  .answers = "200 text/plain"},
         .start = tb_command_lines},
        {.verb = {.op = NULL}},
};
