#include "host/bridge/carry_answer.h"

#include <string.h>

#include "lib/limits.h"

#define HEAD (48 * 1024) /* bytes of a head: more than the server has memory for */
#define LINE 64          /* of a chunk's line */

void tb_carry_answer_init(TbCarryAnswer *a, bool head_only)
{
        *a = (TbCarryAnswer){.head_only = head_only, .text = g_string_sized_new(512)};
}

void tb_carry_answer_clear(TbCarryAnswer *a)
{
        json_decref(a->headers);
        if (a->text)
                g_string_free(a->text, TRUE);
        *a = (TbCarryAnswer){0};
}

void tb_carry_answer_header(json_t *headers, const char *name, const char *value)
{
        static const char *const wanted[] = {"content-type",  "x-request-id",  "content-disposition",
                                             "location",      "retry-after",   "etag",
                                             "cache-control", "last-modified", "content-length",
                                             "allow",         "accept-patch",  "accept-post",
                                             "link",          "x-next-offset", "x-end-offset",
                                             "x-taken-at",    "x-file-mode",   "upgrade"};
        for (gsize i = 0; i < G_N_ELEMENTS(wanted); i++) {
                if (g_ascii_strcasecmp(name, wanted[i]) != 0)
                        continue;
                const char *old = json_string_value(json_object_get(headers, wanted[i]));
                g_autofree char *both = old ? g_strconcat(old, ", ", value, NULL) : NULL;
                json_t *text = json_string(both ? both : value); /* NULL when it is no UTF-8 */
                if (text)
                        json_object_set_new(headers, wanted[i], text);
                return;
        }
}

static void take_header(TbCarryAnswer *a, const char *name, const char *value)
{
        if (g_ascii_strcasecmp(name, "content-length") == 0) {
                guint64 n;
                a->broken |= !g_ascii_string_to_unsigned(value, 10, 0, G_MAXINT64, &n, NULL);
                a->left = a->broken ? 0 : (gint64)n;
        } else if (g_ascii_strcasecmp(name, "transfer-encoding") == 0) {
                a->chunked = true;
        } else if (g_ascii_strcasecmp(name, "connection") == 0) {
                a->keeps = g_ascii_strcasecmp(value, "close") != 0;
        }
        tb_carry_answer_header(a->headers, name, value);
}

static void take_head(TbCarryAnswer *a)
{
        g_auto(GStrv) lines = g_strsplit(a->text->str, "\r\n", 0);
        const char *status = g_str_has_prefix(lines[0], "HTTP/1.1 ") ? lines[0] + strlen("HTTP/1.1 ") : "";
        gint64 code = g_ascii_strtoll(status, NULL, 10);
        json_decref(a->headers);
        a->headers = json_object();
        a->left = -1;
        a->keeps = true;
        a->broken = code < 100 || code > 599;
        for (char **line = lines + 1; *line && **line; line++) {
                char *colon = strchr(*line, ':');
                if (!colon) {
                        a->broken = true;
                        return;
                }
                *colon = '\0';
                take_header(a, *line, g_strstrip(colon + 1));
        }
        g_string_truncate(a->text, 0);
        if (code == 100) {
                a->goes_on = true;
                return;
        }
        a->status = (int)code;
        if (a->head_only || code == 204 || code == 304)
                a->left = 0, a->chunked = false;
        if (a->chunked)
                a->left = 0;
        else if (a->left < 0)
                a->keeps = false;
        a->complete = !a->chunked && a->left == 0;
}

/* A line of the chunked coding is whole. */
static void take_line(TbCarryAnswer *a)
{
        g_string_truncate(a->text, a->text->len - 2);
        if (a->in_trailer) {
                a->complete = a->text->len == 0;
        } else if (a->behind_chunk) {
                a->broken = a->text->len > 0;
                a->behind_chunk = false;
        } else {
                char *end;
                guint64 n = g_ascii_strtoull(a->text->str, &end, 16);
                a->broken = end == a->text->str || n > G_MAXINT32 || (*end && *end != ';');
                a->left = (gint64)n;
                a->in_trailer = n == 0;
                a->behind_chunk = n > 0;
        }
        g_string_truncate(a->text, 0);
}

/* Up to the end of a head or of a line. */
static gsize take_text(TbCarryAnswer *a, const char *bytes, gsize size, const char *end, gsize most)
{
        gsize n = strlen(end), done = 0;
        while (done < size && !a->broken) {
                const char *cr = memchr(bytes + done, '\n', size - done);
                gsize piece = cr ? (gsize)(cr - bytes) + 1 - done : size - done;
                g_string_append_len(a->text, bytes + done, (gssize)piece);
                done += piece;
                a->broken = a->text->len > most;
                if (a->text->len >= n && memcmp(a->text->str + a->text->len - n, end, n) == 0)
                        return done;
        }
        return done;
}

static bool is_whole(const TbCarryAnswer *a, const char *end)
{
        gsize n = strlen(end);
        return !a->broken && a->text->len >= n && memcmp(a->text->str + a->text->len - n, end, n) == 0;
}

gsize tb_carry_answer_take(TbCarryAnswer *a, const char *bytes, gsize size, const char **ret_body,
                           gsize *ret_body_size)
{
        gsize done = 0;
        *ret_body = NULL;
        *ret_body_size = 0;
        if (a->status == 0) {
                done = take_text(a, bytes, size, "\r\n\r\n", HEAD);
                if (is_whole(a, "\r\n\r\n"))
                        take_head(a);
                return done;
        }
        if (a->chunked && a->left == 0) {
                done = take_text(a, bytes, size, "\r\n", LINE);
                if (is_whole(a, "\r\n"))
                        take_line(a);
                return done;
        }
        done = a->left < 0 ? size : MIN(size, (gsize)a->left);
        *ret_body = bytes;
        *ret_body_size = done;
        a->left -= a->left < 0 ? 0 : (gint64)done;
        a->complete = !a->chunked && a->left == 0;
        return done;
}

void tb_carry_answer_end(TbCarryAnswer *a)
{
        if (a->complete)
                return;
        if (a->status && !a->chunked && a->left < 0)
                a->complete = true;
        else
                a->broken = true;
}
