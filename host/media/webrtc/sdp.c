#include "host/media/webrtc/sdp.h"

#include <string.h>

bool tb_sdp_is_token(const char *text, gsize min, gsize max, const char *more)
{
        if (!text)
                return false;
        gsize n = 0;
        for (; text[n]; n++)
                if (n >= max || !(g_ascii_isalnum(text[n]) || strchr(more, text[n])))
                        return false;
        return n >= min;
}

bool tb_sdp_is_fingerprint(const char *text)
{
        static const char *const hashes[] = {"sha-1 ", "sha-224 ", "sha-256 ", "sha-384 ", "sha-512 ", NULL};
        for (const char *const *h = hashes; text && *h; h++)
                if (g_ascii_strncasecmp(text, *h, strlen(*h)) == 0)
                        return tb_sdp_is_token(text + strlen(*h), 59, 191, ":");
        return false;
}

bool tb_sdp_number(const char *text, guint max, guint *ret)
{
        guint64 n;
        if (!text || !g_ascii_string_to_unsigned(text, 10, 0, max, &n, NULL))
                return false;
        *ret = (guint)n;
        return true;
}

bool tb_sdp_has_flag(const GstSDPMedia *media, const char *name)
{
        for (guint i = 0; i < gst_sdp_media_attributes_len(media); i++)
                if (g_strcmp0(gst_sdp_media_get_attribute(media, i)->key, name) == 0)
                        return true;
        return false;
}

const char *tb_sdp_payload_attribute(const GstSDPMedia *media, const char *name, const char *payload)
{
        for (guint i = 0; i < gst_sdp_media_attributes_len(media); i++) {
                const GstSDPAttribute *a = gst_sdp_media_get_attribute(media, i);
                gsize n = strlen(payload);
                if (g_strcmp0(a->key, name) == 0 && a->value && strncmp(a->value, payload, n) == 0 &&
                    a->value[n] == ' ')
                        return a->value + n + 1;
        }
        return NULL;
}

char *tb_sdp_fmtp_value(const char *fmtp, const char *name)
{
        g_auto(GStrv) parts = g_strsplit(fmtp ? fmtp : "", ";", 32);
        for (char **part = parts; *part; part++) {
                g_strstrip(*part);
                gsize n = strlen(name);
                if (g_ascii_strncasecmp(*part, name, n) == 0 && (*part)[n] == '=')
                        return g_strdup(*part + n + 1);
        }
        return NULL;
}
