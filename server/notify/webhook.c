/* What a webhook gets. */
#include <string.h>

#include "server/notify/notify.h"

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

char *tb_notify_webhook_headers(const char *secret, const void *body, gsize size)
{
        if (!secret)
                return g_strdup("");
        g_autofree char *sum = g_compute_hmac_for_data(G_CHECKSUM_SHA256, (const guchar *)secret,
                                                       strlen(secret), body, size);
        return g_strdup_printf("X-Ping-Watch-Webhook-Secret: %s\r\nX-Testbed-Signature: sha256=%s\r\n",
                               secret, sum);
}

bool tb_notify_is_retryable(guint status)
{
        return status == 0 || status == 429 || status >= 500;
}
