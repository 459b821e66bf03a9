#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "lib/http/ws_handshake.h"
#include "lib/http/ws_private.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"

static void on_upgraded(void *cls, struct MHD_Connection *connection G_GNUC_UNUSED,
                        void *context_ G_GNUC_UNUSED, const char *extra, size_t extra_size, MHD_socket fd,
                        struct MHD_UpgradeResponseHandle *handle)
{
        TbRequest *request = cls;
        TbWs *ws = g_steal_pointer(&request->ws);
        /* Our own descriptor, and libmicrohttpd's part ends here: its 48 KB per connection would be held for
         * as long as the socket lives. */
        int own = ws ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
        MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
        tb_http_kick(request->http);
        if (!ws)
                return;
        ws->request = NULL;
        if (own < 0) {
                tb_log(TB_LOG_WARNING, TB_F("request", ws->id), "WebSocket refused: %s", g_strerror(errno));
                tb_ws_die(ws, TB_WS_CODE_NONE);
                return;
        }
        int one = 1;
        setsockopt(own, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        fcntl(own, F_SETFL, fcntl(own, F_GETFL) | O_NONBLOCK);
        bool early = extra_size > TB_LIMIT_WS_EARLY; /* it should have waited for our word: RFC 6455, 4.1 */
        ws->closing_in = early;
        tb_ws_begin(ws, own, extra_size > 0 && !early ? g_bytes_new(extra, extra_size) : NULL);
        if (early)
                tb_ws_close(ws, 1009, "too much came before the answer");
}

static char *check_upgrade(TbRequest *request)
{
        const char *version = tb_request_header(request, "Sec-WebSocket-Version");
        if (!tb_header_has_token(request->upgrade, "websocket") ||
            !tb_header_has_token(tb_request_header(request, "Connection"), "upgrade")) {
                tb_request_add_header(request, "Upgrade", "websocket");
                tb_respond_status(request, 426, "upgrade", "Upgrade required",
                                  "this address speaks WebSocket only");
                return NULL;
        }
        if (g_strcmp0(version, "13") != 0) {
                tb_request_add_header(request, "Sec-WebSocket-Version", "13");
                tb_respond_status(request, 426, "upgrade", "Upgrade required",
                                  "Sec-WebSocket-Version must be 13");
                return NULL;
        }
        char *accept = tb_ws_accept(tb_request_header(request, "Sec-WebSocket-Key"));
        if (!accept)
                tb_respond_error(request, TB_ERROR_INVALID, "Sec-WebSocket-Key must be 16 bytes in base64");
        return accept;
}

bool tb_request_offers_protocol(TbRequest *request, const char *protocol)
{
        return !g_str_has_prefix(protocol, TB_WS_BEARER) &&
               tb_header_has_token(tb_request_header(request, "Sec-WebSocket-Protocol"), protocol);
}

TbWs *tb_request_upgrade(TbRequest *request, const char *protocol, gsize max_message, const TbWsOps *ops,
                         gpointer data)
{
        tb_assert_main();
        if (tb_ask_refuses_stream(request) || !request->connection || request->answered)
                return NULL;
        TbHttp *http = request->http;
        if (http->stopping) {
                tb_respond_error(request, TB_ERROR_UNAVAILABLE, "it is shutting down: ask again in a moment");
                return NULL;
        }
        g_autofree char *accept = check_upgrade(request);
        TbPlace place;
        if (!accept || !tb_respond_place(request, &place))
                return NULL;
        TbWs *ws = g_new0(TbWs, 1);
        ws->http = http;
        ws->request = request;
        ws->fd = -1;
        ws->ops = ops;
        ws->data = data;
        ws->max_message = max_message;
        ws->code = TB_WS_CODE_NONE;
        ws->place = place;
        ws->role = (guint8)request->caller.role;
        GString *names = g_string_new(request->id);
        g_string_append_c(names, '\0');
        gsize user_at = names->len;
        g_string_append(names, request->caller.user);
        g_string_append_c(names, '\0');
        gsize peer_at = names->len;
        g_string_append(names, request->peer);
        g_string_append_c(names, '\0');
        gsize login_at = names->len;
        g_string_append(names, request->caller.login ? request->caller.login : "");
        ws->id = g_string_free(names, FALSE);
        ws->user = ws->id + user_at;
        ws->peer = ws->id + peer_at;
        ws->login = ws->id + login_at;
        ws->until_ms = request->caller.until_ms;
        ws->is_signed_member = tb_caller_is_signed_member(&request->caller);
        tb_ws_enlist(ws);
        tb_expire_note(http, ws->until_ms);
        request->ws = ws;
        tb_request_add_header(request, "Upgrade", "websocket");
        tb_request_add_header(request, "Sec-WebSocket-Accept", accept);
        if (!protocol && tb_request_offers_protocol(request, TB_WS_PROTOCOL))
                protocol = TB_WS_PROTOCOL; /* a browser wants one of those that it offers */
        if (protocol)
                tb_request_add_header(request, "Sec-WebSocket-Protocol", protocol);
        tb_respond(request, 101, MHD_create_response_for_upgrade(on_upgraded, request));
        return ws;
}
