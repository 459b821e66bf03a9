#include "host/rules/rule.h"

#include <string.h>

#define SHOWN "***"

static const char *text_of(const json_t *o, const char *key)
{
        return json_string_value(json_object_get(o, key));
}

void tb_rule_free(TbRule *r)
{
        if (!r)
                return;
        g_free(r->name);
        g_free(r->device);
        g_free(r->interface);
        g_free(r->note);
        g_free(r->stream);
        g_free(r->pattern);
        g_free(r->event);
        g_free(r->differ[0]);
        g_free(r->differ[1]);
        json_decref(r->where);
        json_decref(r->then);
        json_decref(r->source);
        g_free(r);
}

char *tb_rule_place(const char *url)
{
        g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
        const char *host = uri ? g_uri_get_host(uri) : NULL;
        return host ? g_strdup_printf(strchr(host, ':') ? "%s://[%s]/…" : "%s://%s/…", g_uri_get_scheme(uri),
                                      host)
                    : g_strdup("…");
}

json_t *tb_rule_shown(const TbRule *r, bool whole)
{
        json_t *o = json_deep_copy(r->source), *then = json_object_get(o, "then");
        for (size_t i = 0; i < json_array_size(then); i++) {
                json_t *action = json_array_get(then, i);
                const char *url = text_of(action, "webhook");
                g_autofree char *place = url && !whole ? tb_rule_place(url) : NULL;
                if (json_object_get(action, "secret"))
                        json_object_set_new(action, "secret", json_string(SHOWN));
                if (place)
                        json_object_set_new(action, "webhook", json_string(place));
        }
        return o;
}

/* By the address: a secret does not follow into another one. One that is not known stays "***", which is none (parse.c): nothing is sent
 * without a signature because somebody gave back what he was shown. */
void tb_rule_keep_secrets(json_t *json, const TbRule *before)
{
        json_t *then = json_object_get(json, "then");
        for (size_t i = 0; i < json_array_size(then); i++) {
                json_t *action = json_array_get(then, i);
                if (g_strcmp0(text_of(action, "secret"), SHOWN) != 0)
                        continue;
                for (size_t k = 0; before && k < json_array_size(before->then); k++) {
                        const json_t *old = json_array_get(before->then, k);
                        if (text_of(old, "secret") &&
                            g_strcmp0(text_of(old, "webhook"), text_of(action, "webhook")) == 0) {
                                json_object_set(action, "secret", json_object_get(old, "secret"));
                                break;
                        }
                }
        }
}
