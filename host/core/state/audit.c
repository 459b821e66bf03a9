#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/core/private.h"
#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/uri.h"

#define FILE_NAME "audit.jsonl"
#define FILE_BEFORE "audit.1.jsonl"

static void open_file(TbCore *core)
{
        g_autoptr(GError) error = NULL;
        struct stat st;
        core->audit_fd = tb_state_append(core->state, FILE_NAME, &error);
        if (core->audit_fd < 0)
                tb_log(TB_LOG_WARNING, TB_F(),
                       "no audit file: %s; commands are still on the bus and in the log", error->message);
        core->audit_size = core->audit_fd >= 0 && fstat(core->audit_fd, &st) == 0 ? st.st_size : 0;
        core->audit_torn = core->audit_size > 0; /* killed in a write: a line begins on a line of its own */
}

static void close_file(TbCore *core)
{
        if (core->audit_fd >= 0)
                close(core->audit_fd);
        core->audit_fd = -1;
}

static void rotate(TbCore *core)
{
        g_autoptr(GError) error = NULL;
        close_file(core);
        if (!tb_state_rename(core->state, FILE_NAME, FILE_BEFORE, &error))
                tb_log(TB_LOG_WARNING, TB_F(), "audit file: %s", error->message);
        open_file(core);
}

static void write_line(TbCore *core, json_t *entry, const char *device)
{
        g_autofree char *time = tb_clock_rfc3339(tb_clock_ms());
        json_auto_t *line = json_copy(entry);
        json_object_set_new(line, "time", json_string(time));
        json_object_set_new(line, "device", device ? json_string(device) : json_null());
        char *text = json_dumps(line, JSON_COMPACT);
        g_autofree char *whole = g_strconcat(core->audit_torn ? "\n" : "", text, "\n", NULL);
        gsize size = strlen(whole);
        free(text);
        if (core->audit_fd >= 0 && core->audit_size > 0 && core->audit_size + (gint64)size > TB_LIMIT_AUDIT)
                rotate(core);
        if (core->audit_fd < 0)
                return;
        ssize_t n = write(core->audit_fd, whole, size);
        if (n < (ssize_t)size && tb_tally_note(core->refusals, "audit file"))
                tb_log(TB_LOG_WARNING, TB_F(), "audit file: %s",
                       n < 0 ? g_strerror(errno) : "the disk is full");
        core->audit_torn = n < (ssize_t)size && (n > 0 || core->audit_torn);
        core->audit_size += MAX(n, 0);
}

/* What a sender can make us say at any rate is counted from some number on. `key`: "user via". */
static void say_more(const char *key, guint64 more, double seconds, gpointer data)
{
        TbCore *core = data;
        g_autofree char *text = tb_tally_text(more, seconds);
        json_t *o = json_pack("{s:s, s:s, s:b, s:I, s:f, s:s}", "verb", "(refused)", "user", key, "ok", 0,
                              "more", (json_int_t)more, "seconds", seconds, "text", text);
        tb_log(TB_LOG_INFO, TB_F("user", key), "commands refused: %s", text);
        write_line(core, o, NULL);
        tb_bus_publish_refusal(core->bus, "command", NULL, NULL, o);
}

void tb_audit_open(TbCore *core)
{
        core->refusals = tb_tally_new(TB_LIMIT_REFUSALS_SAID, TB_LIMIT_REFUSALS_MS, say_more, core);
        open_file(core);
}

void tb_audit_close(TbCore *core)
{
        tb_tally_free(core->refusals);
        close_file(core);
}

/* What everybody may read of one: no payloads, and of addresses nothing that may be secret. NULL: nothing. */
static json_t *shown_of(const char *key, json_t *value)
{
        if (json_is_number(value) || json_is_boolean(value))
                return json_incref(value);
        if (!json_is_string(value) || json_string_length(value) > TB_LIMIT_LABEL || strcmp(key, "stdin") == 0)
                return NULL;
        const char *text = json_string_value(value);
        g_autofree char *shown =
                strcmp(key, "attach") == 0 || strstr(text, "://") ? tb_uri_shown(text) : NULL;
        return shown ? json_string(shown) : json_incref(value);
}

void tb_audit(TbCore *core, const TbActor *actor, const char *device, const char *verb, json_t *params,
              const GError *error, gint64 ms)
{
        bool ok = error == NULL;
        g_autofree char *who = g_strdup_printf("%s by %s", actor->user, actor->via);
        if (!ok && !tb_tally_note(core->refusals, who))
                return;
        json_t *o = json_pack("{s:s, s:s, s:s, s:b, s:I}", "verb", verb, "user", actor->user, "via",
                              actor->via, "ok", ok, "ms", (json_int_t)ms);
        if (actor->request)
                json_object_set_new(o, "request", json_string(actor->request));
        if (error)
                json_object_set_new(o, "error", tb_error_to_json(error));
        /* Parameters that say what was done, not payloads. */
        if (json_is_object(params)) {
                json_auto_t *kept = json_object();
                const char *key;
                json_t *value;
                json_object_foreach (params, key, value) {
                        json_auto_t *shown = shown_of(key, value);
                        if (shown)
                                json_object_set(kept, key, shown);
                }
                json_object_set(o, "params", kept);
        }
        tb_log(TB_LOG_INFO,
               TB_F("device", device, "request", actor->request, "user", actor->user, "via", actor->via),
               "%s%s%s", verb, ok ? "" : " failed: ", ok ? "" : tb_error_detail(error));
        write_line(core, o, device);
        if (ok)
                tb_bus_publish(core->bus, "command", device, NULL, o);
        else
                tb_bus_publish_refusal(core->bus, "command", device, NULL, o);
}
