#include <stdlib.h>
#include <string.h>

#include "host/core/private.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/uri.h"

static void write_line(TbCore *core, json_t *entry, const char *device)
{
        g_autofree char *time = tb_clock_rfc3339(tb_clock_ms());
        json_auto_t *line = json_copy(entry);
        json_object_set_new(line, "time", json_string(time));
        json_object_set_new(line, "device", device ? json_string(device) : json_null());
        g_autofree char *text = tb_json_text(line, NULL);
        if (text)
                tb_disk_audit(core->disk, g_strconcat(text, "\n", NULL));
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
        tb_bus_publish_share(core->bus, TB_BUS_REFUSALS, "command", NULL, NULL, o);
}

void tb_audit_failed(const char *why, gpointer data)
{
        TbCore *core = data;
        if (core->refusals && tb_tally_note(core->refusals, "audit file"))
                tb_log(TB_LOG_WARNING, TB_F(), "audit file: %s; commands are still on the bus and in the log",
                       why);
}

void tb_audit_open(TbCore *core)
{
        core->refusals = tb_tally_new(TB_LIMIT_REFUSALS_SAID, TB_LIMIT_REFUSALS_MS, say_more, core);
}

void tb_audit_close(TbCore *core)
{
        tb_tally_free(core->refusals);
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
                tb_bus_publish_share(core->bus, TB_BUS_REFUSALS, "command", device, NULL, o);
}
