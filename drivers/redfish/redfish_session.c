#include "drivers/redfish/redfish_session.h"

#include <string.h>

#include "lib/json.h"

#define SESSIONS "/redfish/v1/SessionService/Sessions"
#define END_US G_USEC_PER_SEC
#define MOST 1024 /* bytes of a token, and of a place */

static void forget(TbRedfishSession *s, TbHttpDevice *d)
{
        d->headers = NULL;
        g_clear_pointer(&s->token, g_free);
        g_clear_pointer(&s->place, g_free);
}

/* "/redfish/v1/…/1" or a whole URL; on this controller in any case. The caller owns it. */
static char *path_of(const char *location)
{
        const char *path = location ? strstr(location, "/redfish/") : NULL;
        return path && strlen(path) < MOST ? g_strdup(path) : NULL;
}

static bool take(TbRedfishSession *s, TbHttpDevice *d, const TbHttpAnswer *answer, GError **error)
{
        const char *token = g_hash_table_lookup(answer->headers, "x-auth-token");
        if (answer->status == 401 || answer->status == 403)
                tb_set_error(error, TB_ERROR_DEVICE,
                             "the %s at %s refuses the password: correct \"user\" and \"password\" of this "
                             "attachment",
                             d->what, d->where);
        else if (answer->status < 200 || answer->status > 299)
                tb_set_error(
                        error, TB_ERROR_DEVICE,
                        "the %s at %s opens no session (status %d): it may have room for no further one; "
                        "auth=basic needs none",
                        d->what, d->where, answer->status);
        else if (!token || !*token || strlen(token) >= MOST)
                tb_http_device_foreign(d, "its session has no token (auth=basic needs none)", error);
        else {
                s->token = g_strdup(token);
                s->place = path_of(g_hash_table_lookup(answer->headers, "location"));
                s->headers[0] = "X-Auth-Token";
                s->headers[1] = s->token;
                d->headers = s->headers;
                return true;
        }
        return false;
}

bool tb_redfish_session_begin(TbRedfishSession *s, TbHttpDevice *d, TbIo *io, GError **error)
{
        json_auto_t *who =
                json_pack("{s:s, s:s}", "UserName", s->user ? s->user : "", "Password", s->password);
        g_autofree char *body = tb_json_text(who, NULL);
        TbHttpAnswer answer;
        forget(s, d);
        if (!body || !tb_http_device_call(d, io, "POST", SESSIONS, "application/json", body, &answer, error))
                return false;
        bool taken = take(s, d, &answer, error);
        tb_http_answer_clear(&answer);
        return taken;
}

void tb_redfish_session_end(TbRedfishSession *s, TbHttpDevice *d)
{
        /* nobody waits for the worker's own interruptor any more; without one of ours the session ends by itself, later */
        TbInterruptor *never = s->place ? tb_interruptor_try_new(NULL) : NULL;
        if (never) {
                TbIo io = {.stop = never, .deadline_us = g_get_monotonic_time() + END_US};
                TbHttpAnswer answer;
                if (tb_http_device_call(d, &io, "DELETE", s->place, NULL, NULL, &answer, NULL))
                        tb_http_answer_clear(&answer);
                tb_interruptor_free(never);
        }
        forget(s, d);
}
