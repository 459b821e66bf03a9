#include "lib/http/ws_handshake.h"

#include <string.h>

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455, §1.3 */
#define REASON_MAX 123

char *tb_ws_accept(const char *key)
{
        gsize size;
        if (!key || strlen(key) != 24 ||
            strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") != 22)
                return NULL;
        g_autofree guchar *nonce = g_base64_decode(key, &size);
        if (size != 16)
                return NULL;
        g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA1);
        guint8 digest[20];
        gsize length = sizeof digest;
        g_checksum_update(sum, (const guchar *)key, 24);
        g_checksum_update(sum, (const guchar *)GUID, strlen(GUID));
        g_checksum_get_digest(sum, digest, &length);
        return g_base64_encode(digest, length);
}

bool tb_header_has_token(const char *header, const char *token)
{
        gsize length = strlen(token);
        while (header && *header) {
                header += strspn(header, ", \t");
                gsize n = strcspn(header, ",");
                gsize end = n;
                while (end > 0 && (header[end - 1] == ' ' || header[end - 1] == '\t'))
                        end--;
                if (end == length && g_ascii_strncasecmp(header, token, length) == 0)
                        return true;
                header += n;
        }
        return false;
}

bool tb_ws_close_code_valid(int code)
{
        return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
               (code >= 3000 && code <= 4999);
}

gsize tb_ws_close_reason(const char *reason, char *out)
{
        gsize n = reason ? strlen(reason) : 0;
        if (n > REASON_MAX) {
                const char *cut = g_utf8_find_prev_char(reason, reason + REASON_MAX + 1);
                n = cut ? (gsize)(cut - reason) : 0;
        }
        const char *end;
        if (reason && !g_utf8_validate(reason, (gssize)n, &end))
                n = (gsize)(end - reason);
        if (n > 0)
                memcpy(out, reason, n);
        out[n] = '\0';
        return n;
}
