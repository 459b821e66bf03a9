/* A webhook: JSON by POST with the original's keys, its secret, and a signature. */
#include "lib/signature.h"
#include "server/notify/private.h"

json_t *tb_notify_webhook_body(const json_t *event)
{
        static const char *const keys[] = {
                "event_id",          "session_id",       "should_notify",      "label",
                "confidence",        "summary",          "alert_reason",       "matched_rules",
                "detected_entities", "detected_actions", "inference_provider", "inference_model",
                "clip_uri",          "clip_mime"};
        json_t *out = json_object();
        for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
                json_t *value = json_object_get(event, keys[i]);
                json_object_set_new(out, keys[i], value ? json_incref(value) : json_null());
        }
        return out;
}

static bool is_set(const TbNotifyOptions *o)
{
        return o->webhook_url != NULL;
}

static bool say(const TbNotifyOptions *o, const TbNotifyPlace *place G_GNUC_UNUSED, const TbNotifyWhat *what,
                guint stage, TbSaid *ret)
{
        if (stage > 0)
                return false;
        json_t *event = json_array_get(what->events, 0);
        tb_said_json(ret, o->webhook_url,
                     event ? tb_notify_webhook_body(event)
                           : json_pack("{s:b, s:s}", "test", 1, "summary",
                                       "A test of the webhook: nothing happened."));
        static const char type[] = "Content-Type: application/json";
        const char **headers = (const char **)tb_said_own(ret, g_malloc0(4 * sizeof(char *)));
        headers[0] = type;
        if (o->webhook_secret) {
                g_autofree char *sum = tb_signature(o->webhook_secret, ret->ask.body, ret->ask.size);
                headers[1] = tb_said_own(ret, g_strdup_printf("X-Testbed-Signature: %s", sum));
                headers[2] = tb_said_own(
                        ret, g_strdup_printf("X-Ping-Watch-Webhook-Secret: %s", o->webhook_secret));
        }
        ret->ask.headers = headers;
        return true;
}

const TbNotifier tb_notifier_webhook = {.name = "webhook", .is_set = is_set, .say = say};
