#include "drivers/transport/klap_session.h"

#include <string.h>
#include <sys/random.h>

#include "lib/config.h"
#include "lib/json.h"
#include "lib/limits.h"

#define SESSION_S 86400
#define SPARE_S 1200 /* before its end the session is renewed */

/* --- the account --- */
TbKlapAccount tb_klap_session_account(TbHttpDevice *d)
{
        TbKlapAccount account = {d->user ? d->user : tb_config_env("TAPO_USERNAME"),
                                 d->password ? d->password : tb_config_env("TAPO_PASSWORD")};
        d->password = NULL;
        return account;
}

bool tb_klap_session_refused(const TbHttpDevice *d, const TbKlapAccount *account, GError **error)
{
        bool given = account->user && account->password;
        tb_set_error(error, TB_ERROR_DEVICE,
                     "the %s at %s %s: %s \"user\" and \"password\" of this attachment (or TAPO_USERNAME and "
                     "TAPO_PASSWORD) as in the app that it was set up with; upper and lower case count",
                     d->what, d->where,
                     given ? "refuses the user and the password"
                           : "wants the user and the password of its account",
                     given ? "correct" : "set");
        return false;
}

/* --- sessions --- */
char *tb_klap_session_cookie(const char *set_cookie, int *ret_seconds)
{
        const char *id = set_cookie ? strstr(set_cookie, "SESSIONID=") : NULL,
                   *timeout = set_cookie ? strstr(set_cookie, "TIMEOUT=") : NULL;
        if (!id)
                return NULL;
        while (id > set_cookie && (g_ascii_isalnum(id[-1]) || id[-1] == '_'))
                id--;
        gint64 s = timeout ? g_ascii_strtoll(timeout + strlen("TIMEOUT="), NULL, 10) : 0;
        *ret_seconds = s > 0 && s <= SESSION_S ? (int)s : SESSION_S;
        return g_strndup(id, strcspn(id, ";, \t\r\n"));
}

void tb_klap_session_end(TbKlapSession *s)
{
        g_free(s->cookie);
        *s = (TbKlapSession){0};
}

static bool post(const TbKlapSession *s, TbHttpDevice *d, TbIo *io, const char *target, const void *body,
                 gsize size, TbHttpAnswer *ret, GError **error)
{
        bool named = s->cookie && *s->cookie;
        const char *const headers[] = {named ? "Cookie" : NULL, s->cookie, NULL};
        d->headers = headers;
        bool ok = tb_http_device_send(d, io, "POST", target, "application/octet-stream", body, size, ret,
                                      error);
        d->headers = NULL;
        return ok;
}

/* The second half: we are who we say we are. */
static bool prove(const TbKlapSession *s, TbHttpDevice *d, TbIo *io, GError **error)
{
        guint8 proof[TB_KLAP_HASH];
        TbHttpAnswer answer;
        tb_klap_proof(&s->keys, proof);
        if (!post(s, d, io, "/app/handshake2", proof, sizeof proof, &answer, error))
                return false;
        if (answer.status != 200)
                tb_set_error(error, TB_ERROR_DEVICE, "the %s at %s breaks the handshake off (status %d)",
                             d->what, d->where, answer.status);
        bool ok = answer.status == 200;
        tb_http_answer_clear(&answer);
        return ok;
}

bool tb_klap_session_begin(TbKlapSession *s, TbHttpDevice *d, const TbKlapAccount *account, TbIo *io,
                           GError **error)
{
        TbHttpAnswer hello;
        int good_s = SESSION_S;
        tb_klap_session_end(s);
        if (getrandom(s->keys.local, sizeof s->keys.local, 0) != sizeof s->keys.local) {
                tb_set_error(error, TB_ERROR_INTERNAL, "the kernel gives no random bytes");
                return false;
        }
        if (!post(s, d, io, "/app/handshake1", s->keys.local, sizeof s->keys.local, &hello, error))
                return false;
        gsize size;
        const guint8 *bytes = g_bytes_get_data(hello.body, &size);
        bool klap = hello.status == 200 && size == TB_KLAP_HELLO,
             ours = klap && tb_klap_begin(&s->keys, account->user, account->password, bytes);
        if (ours)
                s->cookie = tb_klap_session_cookie(g_hash_table_lookup(hello.headers, "set-cookie"), &good_s);
        if (hello.status == 403)
                tb_set_error(error, TB_ERROR_UNSUPPORTED,
                             "the %s at %s lets no other programs in: switch it on in the app under Me, "
                             "Third-Party "
                             "Services, Third-Party Compatibility (if it is on: off and on again)",
                             d->what, d->where);
        else if (!klap)
                tb_set_error(error, TB_ERROR_UNSUPPORTED,
                             "what answers at %s is no %s: it does not speak KLAP", d->where, d->what);
        else if (!ours)
                tb_klap_session_refused(d, account, error);
        tb_http_answer_clear(&hello);
        if (!ours || !prove(s, d, io, error)) {
                tb_klap_session_end(s);
                return false;
        }
        s->until_us = g_get_monotonic_time() + (gint64)MAX(good_s - SPARE_S, 1) * G_USEC_PER_SEC;
        if (!s->cookie) /* a plug with one session for all */
                s->cookie = g_strdup("");
        return true;
}

/* One request in a session. NULL without an error: the plug has forgotten it. */
static json_t *ask_once(TbKlapSession *s, TbHttpDevice *d, TbIo *io, const char *text, GError **error)
{
        TbHttpAnswer answer;
        g_autoptr(GByteArray) body = tb_klap_seal(&s->keys, text);
        g_autofree char *target = g_strdup_printf("/app/request?seq=%d", s->keys.seq);
        if (!post(s, d, io, target, body->data, body->len, &answer, error))
                return NULL;
        gsize size;
        const void *bytes = g_bytes_get_data(answer.body, &size);
        g_autofree char *plain = answer.status == 200 ? tb_klap_open(&s->keys, bytes, size) : NULL;
        tb_http_answer_clear(&answer);
        if (!plain)
                return NULL;
        json_t *json = tb_json_parse(plain, strlen(plain), NULL);
        if (json_is_object(json))
                return json;
        json_decref(json);
        tb_http_device_foreign(d, "its answer is no JSON object", error);
        return NULL;
}

json_t *tb_klap_session_ask(TbKlapSession *s, TbHttpDevice *d, const TbKlapAccount *account, TbIo *io,
                            const json_t *request, GError **error)
{
        g_autofree char *text = tb_json_text(request, NULL);
        for (int attempt = 0; attempt < 2; attempt++) {
                bool fresh = !s->cookie || g_get_monotonic_time() >= s->until_us;
                if (fresh && !tb_klap_session_begin(s, d, account, io, error))
                        return NULL;
                g_autoptr(GError) why = NULL;
                json_t *answer = ask_once(s, d, io, text, &why);
                if (answer)
                        return answer;
                tb_klap_session_end(s); /* who knows which number it has heard */
                if (why) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return NULL;
                }
        }
        tb_http_device_foreign(d, "it does not keep to KLAP", error);
        return NULL;
}
