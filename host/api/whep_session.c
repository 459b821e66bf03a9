/* What is asked of a WHEP session that is there: trickle, another ICE, statistics, its end. */
#include <string.h>

#include "host/api/whep_private.h"
#include "host/media/webrtc/candidate.h"
#include "lib/limits.h"

char *tb_whep_new_etag(void)
{
        g_autofree char *token = tb_random_token(6);
        return g_strdup_printf("\"%s\"", token);
}

/* The id is 128 random bits: who knows it is the viewer. */
static TbWhep *find(TbApi *api, TbRequest *request)
{
        TbWhep *w = g_hash_table_lookup(api->whep, tb_request_arg(request, "session"));
        return w && w->peer && strcmp(w->device, tb_request_arg(request, "id")) == 0 ? w : NULL;
}

static TbWhep *session_of(TbApi *api, TbRequest *request)
{
        TbWhep *w = find(api, request);
        if (w)
                return w;
        g_autoptr(GError) error =
                g_error_new(TB_ERROR, TB_ERROR_NOT_FOUND, "there is no such session; it may have ended");
        tb_request_reply_error(request, error);
        return NULL;
}

/* --- PATCH --- */
/* A client that has not heard of our new ICE yet speaks of the former one. */
static bool is_current(TbWhep *w, TbRequest *request, const char *ufrag, GError **error)
{
        const char *match = tb_request_header(request, "If-Match");
        if (match && strcmp(match, "*") != 0 && strcmp(match, w->etag) != 0)
                tb_set_error(error, TB_ERROR_PRECONDITION, "If-Match is not the ETag of this session");
        else if (ufrag && w->former && strcmp(ufrag, w->former) == 0)
                tb_set_error(error, TB_ERROR_PRECONDITION, "a=ice-ufrag:%s is that of before ICE began anew",
                             ufrag);
        else
                return true;
        tb_request_add_header(request, "ETag", w->etag);
        return false;
}

/* Who sent the PATCH has gone: the session stays. */
static void on_restart_gone(TbRequest *request, gpointer data)
{
        ((TbWhep *)data)->restart = NULL;
        tb_request_unref(request);
}

static bool begin_restart(TbWhep *w, TbRequest *request, const char *fragment, const char *ufrag,
                          const char *pwd, GError **error)
{
        if (w->restart) {
                tb_set_error(error, TB_ERROR_BUSY, "ICE of this session begins anew already");
                return false;
        }
        if (!pwd) {
                tb_set_error(error, TB_ERROR_INVALID,
                             "another a=ice-ufrag needs its a=ice-pwd: ICE begins anew");
                return false;
        }
        g_autofree char *former = g_strdup(tb_peer_ufrag(w->peer));
        w->restart = tb_request_ref(request); /* before: what follows is answered to it */
        tb_request_on_gone(request, on_restart_gone, w);
        if (!tb_peer_restart(w->peer, ufrag, pwd, fragment, error)) {
                tb_request_unref(tb_whep_take(&w->restart));
                return false;
        }
        g_free(w->former);
        w->former = g_steal_pointer(&former);
        return true;
}

void tb_whep_restarted(TbPeer *peer G_GNUC_UNUSED, const char *fragment, void *data)
{
        TbWhep *w = data;
        TbRequest *request = tb_whep_take(&w->restart);
        g_free(w->etag);
        w->etag = tb_whep_new_etag();
        if (!request)
                return;
        if (fragment) {
                tb_request_add_header(request, "ETag", w->etag);
                tb_request_reply_text(request, 200, TB_WHEP_SDPFRAG, fragment);
        } else {
                g_autoptr(GError) error =
                        g_error_new(TB_ERROR, TB_ERROR_UNAVAILABLE,
                                    "ICE of this session cannot begin anew: make a new session");
                tb_request_reply_error(request, error);
        }
        tb_request_unref(request);
}

static bool patch(TbWhep *w, TbRequest *request, GError **error)
{
        gsize size = 0;
        const char *text = g_bytes_get_data(tb_request_body(request), &size);
        g_autofree char *fragment = g_strndup(text, size), *ufrag = NULL, *pwd = NULL;
        if (size > TB_LIMIT_SDP || strlen(fragment) != size) {
                tb_set_error(error, TB_ERROR_INVALID, "the body is no SDP fragment");
                return false;
        }
        if (!tb_sdpfrag_credentials(fragment, &ufrag, &pwd, error) || !is_current(w, request, ufrag, error))
                return false;
        if (ufrag && strcmp(ufrag, tb_peer_ufrag(w->peer)) != 0)
                return begin_restart(w, request, fragment, ufrag, pwd, error);
        if (!tb_peer_add_sdpfrag(w->peer, fragment, error))
                return false;
        tb_request_reply_empty(request, 204);
        return true;
}

void tb_whep_patch(TbApi *api, TbRequest *request, TbInterface *iface G_GNUC_UNUSED,
                   const TbVerb *verb G_GNUC_UNUSED)
{
        g_autoptr(GError) error = NULL;
        TbWhep *w = session_of(api, request);
        if (w && !patch(w, request, &error))
                tb_request_reply_error(request, error);
}

/* --- the others --- */
void tb_whep_delete(TbApi *api, TbRequest *request, TbInterface *iface G_GNUC_UNUSED,
                    const TbVerb *verb G_GNUC_UNUSED)
{
        const char *device = tb_request_arg(request, "id"), *session = tb_request_arg(request, "session");
        bool gone = tb_whep_gone_has(&api->whep_gone, device, session);
        TbWhep *w = gone ? find(api, request) : session_of(api, request);
        if (!w && !gone)
                return;
        if (w) {
                tb_whep_gone_add(&api->whep_gone, device, session);
                tb_peer_close(w->peer, "the viewer left");
                g_hash_table_remove(api->whep, w->id); /* nothing else finds it any more */
        }
        tb_request_reply_empty(request, 200);
}

void tb_whep_get(TbApi *api, TbRequest *request, TbInterface *iface G_GNUC_UNUSED,
                 const TbVerb *verb G_GNUC_UNUSED)
{
        TbWhep *w = session_of(api, request);
        if (w)
                tb_request_reply_json(request, 200, tb_peer_to_json(w->peer));
}

void tb_whep_options(TbApi *api, TbRequest *request, TbInterface *iface G_GNUC_UNUSED,
                     const TbVerb *verb G_GNUC_UNUSED)
{
        bool session = tb_request_arg(request, "session") != NULL;
        tb_request_add_header(request, "Allow", session ? "GET, PATCH, DELETE, OPTIONS" : "POST, OPTIONS");
        tb_request_add_header(request, session ? "Accept-Patch" : "Accept-Post",
                              session ? TB_WHEP_SDPFRAG : "application/sdp");
        if (!session) /* before its offer a player can still use them */
                tb_whep_add_links(api, request);
        tb_request_reply_empty(request, 204);
}
