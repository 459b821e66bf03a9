/* Clips as events of the pairing server (docs/EVENTS.md): the device is made known, a session begun, the event announced, its film sent. */
#include <string.h>

#include "host/uplink/paced.h"
#include "host/uplink/target_private.h"
#include "lib/error.h"
#include "lib/json.h"

static const char *text_of(const json_t *o, const char *field)
{
        return json_string_value(json_object_get(o, field));
}

/* POST of `body_take`; the answer's object, NULL with *error. New reference. */
static json_t *post(TbUplinkTarget *t, const TbUplinkClip *clip, const char *path, json_t *body_take,
                    guint *ret_status, GError **error)
{
        gsize size;
        g_autofree char *text = tb_json_text(body_take, &size), *url = g_strconcat(t->base, path, NULL),
                        *bearer = g_strconcat("Authorization: Bearer ", t->key, NULL), *answer = NULL;
        json_decref(body_take);
        const char *headers[] = {"Content-Type: application/json", *t->key ? bearer : NULL, NULL};
        g_autoptr(GInputStream) body = g_memory_input_stream_new_from_data(text, (gssize)size, NULL);
        bool ok = tb_uplink_ask(t, clip, "POST", url, headers, body, (gint64)size, ret_status, &answer, NULL,
                                error);
        explicit_bzero(bearer, strlen(bearer));
        if (!ok)
                return NULL;
        json_t *o = tb_json_parse_kept(answer, strlen(answer), NULL);
        if (json_is_object(o))
                return o;
        json_decref(o);
        tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s answered what is no event of a Testbed server",
                     t->words);
        return NULL;
}

/* The session of this clip: of an earlier try, or a new one. */
static bool enter(TbUplinkTarget *t, TbUplinkClip *clip, GError **error)
{
        if (text_of(clip->kept, "session"))
                return true;
        json_auto_t *device =
                post(t, clip, "/devices/register",
                     json_pack("{s:s, s:s}", "device_id", clip->device, "label",
                               text_of(clip->about, "label") ? text_of(clip->about, "label") : ""),
                     NULL, error);
        json_auto_t *session = device ? post(t, clip, "/sessions/start",
                                             json_pack("{s:s}", "device_id", clip->device), NULL, error)
                                      : NULL;
        const char *id = text_of(session, "session_id");
        if (!session || !id) {
                if (session)
                        tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s began no session", t->words);
                return false;
        }
        json_object_set_new(clip->kept, "session", json_string(id));
        return true;
}

static json_t *announce(TbUplinkTarget *t, TbUplinkClip *clip, gint64 size, GError **error)
{
        const char *rule = text_of(clip->about, "rule");
        double seconds = (double)(json_integer_value(json_object_get(clip->about, "to")) -
                                  json_integer_value(json_object_get(clip->about, "from"))) /
                         1000;
        guint status = 0;
        json_t *said =
                post(t, clip, "/events/upload/initiate",
                     json_pack("{s:s, s:s, s:s, s:f, s:s, s:I, s:s}", "session_id",
                               text_of(clip->kept, "session"), "device_id", clip->device, "trigger_type",
                               rule ? "rule" : "clip", "duration_seconds", MAX(seconds, 0), "clip_mime",
                               "video/mp4", "clip_size_bytes", (json_int_t)size, "event_id", clip->id),
                     &status, error);
        if (!said && (status == 404 || status == 409)) /* that session has ended: the next try has its own */
                json_object_del(clip->kept, "session");
        return said;
}

static bool upload(TbUplinkTarget *t, const TbUplinkClip *clip, const json_t *said, GInputStream *body,
                   gint64 size, char **ret_etag, GError **error)
{
        const char *direct = text_of(said, "upload_url");
        bool own = !direct || *direct == '/' || g_str_has_prefix(direct, t->base);
        g_autofree char *escaped = g_uri_escape_string(clip->id, NULL, FALSE),
                        *bearer = g_strconcat("Authorization: Bearer ", t->key, NULL),
                        *url = own ? g_strdup_printf("%s/events/%s/upload", t->base, escaped)
                                   : g_strdup(direct);
        g_autoptr(GPtrArray) headers = g_ptr_array_new_with_free_func(g_free);
        const char *name;
        json_t *value;
        g_ptr_array_add(headers, g_strdup("Content-Type: video/mp4"));
        if (own && *t->key) /* nobody else gets our token */
                g_ptr_array_add(headers, g_strdup(bearer));
        json_object_foreach (json_object_get(own ? NULL : said, "upload_headers"), name, value)
                if (json_is_string(value) && !strpbrk(name, ": \r\n") &&
                    !strpbrk(json_string_value(value), "\r\n"))
                        g_ptr_array_add(headers, g_strdup_printf("%s: %s", name, json_string_value(value)));
        g_ptr_array_add(headers, NULL);
        bool ok = tb_uplink_ask(t, clip, "PUT", url, (const char *const *)headers->pdata, body, size, NULL,
                                NULL, ret_etag, error);
        explicit_bzero(bearer, strlen(bearer));
        return ok;
}

bool tb_uplink_to_server(TbUplinkTarget *t, TbUplinkClip *clip, const char *file, GError **error)
{
        g_autofree char *path = g_build_filename(clip->folder, file, NULL), *etag = NULL;
        gint64 size;
        g_autoptr(GInputStream) body = tb_paced_open(path, t->kbps, clip->progress, clip->data, &size, error);
        if (!body || !enter(t, clip, error))
                return false;
        json_auto_t *said = announce(t, clip, size, error);
        const char *status = text_of(json_object_get(said, "event"), "status");
        if (said && status && strcmp(status, "queued") != 0) /* it went before: only the answer was lost */
                return true;
        if (!said || !upload(t, clip, said, body, size, &etag, error))
                return false;
        g_autofree char *escaped = g_uri_escape_string(clip->id, NULL, FALSE),
                        *finish = g_strdup_printf("/events/%s/upload/finalize", escaped);
        json_auto_t *event =
                post(t, clip, finish, etag ? json_pack("{s:s}", "etag", etag) : json_object(), NULL, error);
        return event != NULL;
}
