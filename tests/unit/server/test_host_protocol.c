/* The golden messages between host and server: each end reads what the other says. */
#include <stdlib.h>
#include <string.h>

#include "host/bridge/message.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/thread.h"
#include "server/pairing/pairing.h"

#define GOLDEN "tests/fixtures/proto/host"

static struct {
        GString *errors; /* texts of errors that were said */
} seen;

static bool say(gpointer connection G_GNUC_UNUSED, const char *text, gsize size)
{
        json_auto_t *message = tb_json_parse(text, size, NULL);
        if (g_strcmp0(json_string_value(json_object_get(message, "type")), "error") == 0)
                g_string_append(seen.errors, json_string_value(json_object_get(message, "message")));
        return true;
}

static bool show(gpointer connection G_GNUC_UNUSED, const void *bytes G_GNUC_UNUSED, gsize size G_GNUC_UNUSED)
{
        return true;
}

static gsize queued(gpointer connection G_GNUC_UNUSED)
{
        return 0;
}

static void cut(gpointer connection G_GNUC_UNUSED, int code G_GNUC_UNUSED, const char *reason G_GNUC_UNUSED)
{
}

static const TbPartyOps ops = {say, show, queued, cut};
static const TbIceConfig ice;

static void server_reads(const char *name, json_t *file, const char *text, gsize size)
{
        static const char hello[] =
                "{\"type\":\"hello\",\"role\":\"host\",\"host\":\"lab-0\",\"protocol\":2}";
        TbAuth *hosts = tb_auth_new();
        TbPairing *pairing = tb_pairing_new(&(TbPairingOptions){.ops = &ops, .ice = &ice, .hosts = hosts});
        TbParty *party = tb_pairing_join(pairing, &seen, "golden", 1);
        g_string_truncate(seen.errors, 0);
        if (!g_str_has_prefix(name, "hello"))
                tb_pairing_text(party, hello, strlen(hello), 1);
        tb_pairing_text(party, text, size, 1);
        const char *want = json_string_value(json_object_get(file, "error"));
        g_assert_cmpstr(seen.errors->str, ==, want ? want : "");
        tb_pairing_left(party, 2);
        tb_pairing_free(pairing);
        tb_auth_unref(hosts);
}

static void host_reads(const char *name, json_t *file, const char *text, gsize size)
{
        g_auto(TbBridgeMessage) message = {0};
        g_autoptr(GError) error = NULL;
        bool head = g_str_has_prefix(name, "request");
        bool ok = head ? tb_bridge_parse_request((const guint8 *)text, size, &message, &error)
                       : tb_bridge_parse(text, size, &message, &error);
        g_assert_cmpint(ok, ==, json_is_true(json_object_get(file, "valid")));
        if (ok && !head)
                g_assert_cmpint(message.type, !=,
                                TB_BRIDGE_OTHER); /* it knows every message that the server says */
        else if (!ok)
                g_assert_cmpstr(tb_error_field(error), ==, json_string_value(json_object_get(file, "error")));
}

static void test_golden(void)
{
        g_autoptr(GDir) dir = g_dir_open(GOLDEN, 0, NULL);
        guint to_server = 0, to_host = 0;
        g_assert_nonnull(dir);
        for (const char *name; (name = g_dir_read_name(dir));) {
                g_autofree char *path = g_build_filename(GOLDEN, name, NULL);
                json_auto_t *file = json_load_file(path, 0, NULL);
                g_assert_nonnull(file);
                g_assert_cmpint(strstr(name, ".bad-") == NULL, ==,
                                json_is_true(json_object_get(file, "valid")));
                gsize size;
                g_autofree char *text = tb_json_text(json_object_get(file, "message"), &size);
                g_test_message("%s", name);
                if (strcmp(json_string_value(json_object_get(file, "direction")), "host->server") == 0) {
                        server_reads(name, file, text, size);
                        to_server++;
                } else {
                        host_reads(name, file, text, size);
                        to_host++;
                }
        }
        g_assert_cmpuint(to_server, >=, 12);
        g_assert_cmpuint(to_host, >=, 11);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        tb_log_init(TB_LOG_ERROR, false);
        seen.errors = g_string_new(NULL);
        g_test_add_func("/host-protocol/golden", test_golden);
        int rc = g_test_run();
        g_string_free(seen.errors, TRUE);
        return rc;
}
