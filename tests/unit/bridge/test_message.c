#include "host/bridge/message.h"
#include "lib/thread.h"

#include <string.h>

#include "host/outward/link.h"
#include "lib/error.h"
#include "lib/limits.h"

typedef struct Row {
        const char *text;
        TbBridgeType type;
        const char *field; /* of the error; NULL: accepted */
} Row;

#define OBSERVER "\"sessionId\":\"s1\",\"from\":\"p1\""

static const Row rows[] = {
        {"{\"type\":\"ready\",\"role\":\"host\",\"peerId\":\"h1\",\"iceServers\":[]}", TB_BRIDGE_READY, NULL},
        {"{\"type\":\"ready\"}", TB_BRIDGE_READY, NULL},
        {"{\"type\":\"error\",\"code\":\"x\",\"message\":\"Invalid session or token\"}", TB_BRIDGE_ERROR,
         NULL},
        {"{\"type\":\"error\"}", TB_BRIDGE_ERROR, "message"},
        {"{\"type\":\"peer-connected\",\"sessionId\":\"s\",\"peerId\":\"p\",\"device\":\"board\",\"mode\":"
         "\"view\"}",
         TB_BRIDGE_PEER_CONNECTED, NULL},
        {"{\"type\":\"peer-connected\",\"sessionId\":\"s\",\"peerId\":\"p\",\"device\":\"board\",\"mode\":"
         "\"own\"}",
         TB_BRIDGE_PEER_CONNECTED, "mode"},
        {"{\"type\":\"peer-connected\",\"sessionId\":\"s\",\"peerId\":\"p\",\"mode\":\"view\"}",
         TB_BRIDGE_PEER_CONNECTED, "device"},
        {"{\"type\":\"peer-connected\",\"sessionId\":7,\"peerId\":\"p\",\"device\":\"board\",\"mode\":"
         "\"view\"}",
         TB_BRIDGE_PEER_CONNECTED, "sessionId"},
        {"{\"type\":\"peer-disconnected\",\"sessionId\":\"s\",\"peerId\":\"p\"}", TB_BRIDGE_PEER_DISCONNECTED,
         NULL},
        {"{\"type\":\"peer-disconnected\",\"sessionId\":\"s\"}", TB_BRIDGE_PEER_DISCONNECTED, "peerId"},
        {"{\"type\":\"session-closed\",\"sessionId\":\"s\"}", TB_BRIDGE_SESSION_CLOSED, NULL},
        {"{\"type\":\"offer\",\"sdp\":\"v=0\"," OBSERVER "}", TB_BRIDGE_OFFER, NULL},
        {"{\"type\":\"offer\",\"sdp\":\"\"," OBSERVER "}", TB_BRIDGE_OFFER, "sdp"},
        {"{\"type\":\"offer\",\"sdp\":\"v=0\",\"sessionId\":\"s\"}", TB_BRIDGE_OFFER, "from"},
        {"{\"type\":\"ice\",\"candidate\":\"candidate:1\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0," OBSERVER "}",
         TB_BRIDGE_ICE, NULL},
        {"{\"type\":\"ice\",\"candidate\":null," OBSERVER "}", TB_BRIDGE_ICE, NULL},
        {"{\"type\":\"ice-candidate\",\"data\":{\"candidate\":\"candidate:1\",\"sdpMLineIndex\":1}," OBSERVER
         "}",
         TB_BRIDGE_ICE, NULL},
        {"{\"type\":\"ice\",\"candidate\":5," OBSERVER "}", TB_BRIDGE_ICE, "candidate"},
        {"{\"type\":\"ice\",\"candidate\":\"c\",\"sdpMLineIndex\":256," OBSERVER "}", TB_BRIDGE_ICE,
         "sdpMLineIndex"},
        {"{\"type\":\"bye\",\"reason\":\"done\"," OBSERVER "}", TB_BRIDGE_BYE, NULL},
        {"{\"id\":7,\"device\":\"board\",\"verb\":\"power.set\"," OBSERVER "}", TB_BRIDGE_CONTROL, NULL},
        {"{\"subscribe\":[\"picture\"]," OBSERVER "}", TB_BRIDGE_CONTROL, NULL},
        {"{\"unsubscribe\":[\"picture\"]," OBSERVER "}", TB_BRIDGE_CONTROL, NULL},
        {"{\"type\":\"sample\",\"stream\":\"a\",\"value\":1," OBSERVER "}", TB_BRIDGE_CONTROL, NULL},
        {"{\"id\":7,\"verb\":\"power.set\"}", TB_BRIDGE_CONTROL, "sessionId"},
        {"{\"type\":\"ping\",\"t\":5}", TB_BRIDGE_PING, NULL},
        {"{\"type\":\"pong\"}", TB_BRIDGE_PONG, NULL},
        {"{\"type\":\"something-new\",\"a\":1}", TB_BRIDGE_OTHER, NULL},
        {"{\"type\":7}", TB_BRIDGE_OTHER, "type"},
        {"[]", TB_BRIDGE_OTHER, "type"},
        {"{\"a\":1}", TB_BRIDGE_OTHER, NULL},
};

static void test_rows(void)
{
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GError) error = NULL;
                g_auto(TbBridgeMessage) m = {0};
                bool ok = tb_bridge_parse(rows[i].text, strlen(rows[i].text), &m, &error);
                g_test_message("%s", rows[i].text);
                g_assert_cmpstr(ok ? NULL : tb_error_field(error), ==, rows[i].field);
                g_assert_cmpint(m.type, ==, rows[i].type);
                g_assert_true(ok == (error == NULL));
        }
        g_auto(TbBridgeMessage) none = {0};
        g_autoptr(GError) error = NULL;
        g_assert_false(tb_bridge_parse("{\"type\":", 8, &none, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
}

static const struct {
        const char *text, *field; /* field NULL: fine */
} requests[] = {
        {"{\"method\":\"GET\",\"path\":\"/host/devices?x=1\",\"role\":\"operator\"}", NULL},
        {"{\"method\":\"CONNECT\",\"path\":\"/host/devices\"}", "method"},
        {"{\"method\":\"GET\",\"path\":\"http://other/host/devices\"}", "path"},
        {"{\"method\":\"GET\",\"path\":\"/metrics\"}", "path"},
        {"{\"method\":\"GET\",\"path\":\"/host/../metrics\"}", "path"},
        {"{\"method\":\"GET\",\"path\":\"/host/%2e%2e/metrics\"}", "path"},
        {"{\"method\":\"GET\",\"path\":\"/host/a b\"}", "path"},
        {"{\"method\":\"GET\",\"path\":\"/host/a\\r\\nX: y\"}", "path"},
        {"{\"method\":\"GET\",\"path\":\"/host/a\",\"role\":\"none\"}", "role"},
        {"{\"method\":\"GET\",\"path\":\"/host/a\",\"headers\":[]}", "headers"},
        {"{\"method\":\"GET\",\"path\":\"/host/a\",\"length\":-1}", "length"},
        {"{\"path\":\"/host/a\"}", "method"},
};

static void test_requests(void)
{
        for (gsize i = 0; i < G_N_ELEMENTS(requests); i++) {
                g_autoptr(GError) error = NULL;
                g_auto(TbBridgeMessage) m = {0};
                const char *text = requests[i].text;
                bool ok = tb_bridge_parse_request((const guint8 *)text, strlen(text), &m, &error);
                g_test_message("%s", text);
                g_assert_cmpstr(ok ? NULL : tb_error_field(error), ==, requests[i].field);
                g_assert_true(ok == (error == NULL));
        }
}

static void test_values(void)
{
        static const char head[] =
                "{\"method\":\"POST\",\"path\":\"/host/devices\",\"length\":2,\"user\":\"anna\"}";
        g_auto(TbBridgeMessage) m = {0};
        g_assert_true(tb_bridge_parse_request((const guint8 *)head, strlen(head), &m, NULL));
        g_assert_cmpint(m.length, ==, 2);
        g_assert_cmpint(m.role, ==, TB_ROLE_VIEWER); /* nothing said: the least */
        g_assert_cmpstr(m.user, ==, "anna");
        tb_bridge_message_clear(&m);

        static const char ice[] = "{\"type\":\"ice-candidate\",\"data\":{\"candidate\":\"candidate:1\","
                                  "\"sdpMLineIndex\":1}," OBSERVER "}";
        g_assert_true(tb_bridge_parse(ice, strlen(ice), &m, NULL));
        g_assert_cmpstr(m.candidate, ==, "candidate:1");
        g_assert_cmpuint(m.mline_index, ==, 1);
        g_assert_cmpstr(m.peer, ==, "p1");
        tb_bridge_message_clear(&m);

        /* limits: at the limit and one above */
        for (int over = 0; over <= 1; over++) {
                g_autofree char *name = g_strnfill(TB_BRIDGE_NAME + over, 'x');
                g_autofree char *text =
                        g_strdup_printf("{\"type\":\"session-closed\",\"sessionId\":\"%s\"}", name);
                g_assert_true(tb_bridge_parse(text, strlen(text), &m, NULL) == !over);
                tb_bridge_message_clear(&m);
                g_autofree char *sdp = g_strnfill((gsize)(TB_LIMIT_SDP + over), 'x');
                g_autofree char *offer =
                        g_strdup_printf("{\"type\":\"offer\",\"sdp\":\"%s\"," OBSERVER "}", sdp);
                g_assert_true(tb_bridge_parse(offer, strlen(offer), &m, NULL) == !over);
                tb_bridge_message_clear(&m);
        }
}

static void test_picture(void)
{
        g_autoptr(GBytes) jpeg = g_bytes_new_static("JPEG", 4);
        g_autoptr(GBytes) message = tb_bridge_picture("sess", "p1", jpeg);
        gsize size;
        const void *bytes = g_bytes_get_data(message, &size);
        g_assert_cmpmem(bytes, size, "\x01\x02p1\x04sessJPEG", 13);
        g_autoptr(GBytes) sound = tb_bridge_sound("sess", "p1", (const guint8 *)"OPUS", 4, 0x01020304);
        bytes = g_bytes_get_data(sound, &size);
        g_assert_cmpmem(bytes, size, "\x04\x02p1\x04sess\x01\x02\x03\x04OPUS", 17);
}

static void test_retry(void)
{
        static const guint middle[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
        for (guint n = 0; n < G_N_ELEMENTS(middle); n++) {
                g_assert_cmpuint(tb_bridge_retry_ms(n, 0.5), ==, middle[n]);
                g_assert_cmpuint(tb_bridge_retry_ms(n, 0.0), ==, middle[n] * 3 / 4);
                g_assert_cmpuint(tb_bridge_retry_ms(n, 1.0), ==, middle[n] * 5 / 4);
        }
        g_assert_cmpuint(tb_bridge_retry_ms(G_MAXUINT, 0.5), ==, 30000);
}

static void test_urls(void)
{
        static const char *const bad[] = {
                "", "localhost:5109", "ftp://a/", "http://", "http://user:pw@a/", "http:///x", "ws:"};
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_null(tb_bridge_link_new(bad[i], NULL, NULL, NULL, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
                g_assert_null(strstr(error->message, "pw")); /* no secret in a message */
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_test_add_func("/bridge/message/rows", test_rows);
        g_test_add_func("/bridge/message/values", test_values);
        g_test_add_func("/bridge/message/requests", test_requests);
        g_test_add_func("/bridge/message/picture", test_picture);
        g_test_add_func("/bridge/link/retry", test_retry);
        g_test_add_func("/bridge/link/urls", test_urls);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
