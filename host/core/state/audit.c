#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/core/private.h"
#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/log.h"

void tb_audit_open(TbCore *core)
{
        g_autofree char *path = g_build_filename(core->config->state_dir, "audit.jsonl", NULL);
        core->audit_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
        if (core->audit_fd < 0)
                tb_log(TB_LOG_WARNING, TB_F(),
                       "no audit file %s: %s; commands are still on the bus and in the log", path,
                       g_strerror(errno));
}

void tb_audit(TbCore *core, const TbActor *actor, const char *device, const char *verb, json_t *params,
              const GError *error, gint64 ms)
{
        bool ok = error == NULL;
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
                        if ((json_is_string(value) && json_string_length(value) <= TB_LIMIT_LABEL &&
                             strcmp(key, "stdin") != 0) ||
                            json_is_number(value) || json_is_boolean(value))
                                json_object_set(kept, key, value);
                }
                json_object_set(o, "params", kept);
        }
        tb_log(TB_LOG_INFO,
               TB_F("device", device, "request", actor->request, "user", actor->user, "via", actor->via),
               "%s%s%s", verb, ok ? "" : " failed: ", ok ? "" : tb_error_detail(error));
        if (core->audit_fd >= 0) {
                g_autofree char *time = tb_clock_rfc3339(tb_clock_ms());
                json_auto_t *line = json_copy(o);
                json_object_set_new(line, "time", json_string(time));
                json_object_set_new(line, "device", json_string(device));
                char *text = json_dumps(line, JSON_COMPACT);
                g_autofree char *whole = g_strconcat(text, "\n", NULL);
                if (write(core->audit_fd, whole, strlen(whole)) < 0)
                        tb_log(TB_LOG_WARNING, TB_F(), "audit file: %s", g_strerror(errno));
                free(text);
        }
        tb_bus_publish(core->bus, "command", device, NULL, o);
}
