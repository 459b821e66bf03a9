/* Clients and hosts that say anything, in any order: lines "<who> <message>" with who = d(esktop) p(hone)
 * h(ost) x(stranger), or "<who>-" to hang up. */
#include <stdint.h>
#include <string.h>

#include "lib/json.h"
#include "lib/log.h"
#include "lib/thread.h"
#include "server/pairing/pairing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Line {
        TbParty *party;
        bool closed;
} Line;

static bool say(gpointer connection, const char *text, gsize size)
{
        Line *line = connection;
        json_t *message = tb_json_parse(text, size, NULL); /* what we send is JSON that we would read */
        g_assert(json_is_object(message) && line->party);
        json_decref(message);
        return true;
}

static bool show(gpointer connection G_GNUC_UNUSED, const void *bytes, gsize size)
{
        g_assert(size > 1 && *(const guint8 *)bytes == 1);
        return true;
}

static gsize queued(gpointer connection G_GNUC_UNUSED)
{
        return 0;
}

static void cut(gpointer connection, int code, const char *reason)
{
        g_assert(!((Line *)connection)->closed && code == 1008 && reason);
        ((Line *)connection)->closed = true;
}

static const TbPartyOps ops = {say, show, queued, cut};
static const TbIceConfig ice;

static char *hello(const char *role, const char *id, const char *token)
{
        return g_strdup_printf("{\"type\":\"hello\",\"role\":\"%s\",\"sessionId\":\"%s\",\"token\":\"%s\"}",
                               role, id, token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char who[] = "dphx";
        static bool begun;
        if (!begun)
                tb_main_init(NULL);
        begun = true;
        tb_log_init(TB_LOG_ERROR, false);
        TbAuth *hosts = tb_auth_new();
        gint64 now = 1000000;
        TbPairing *pairing = tb_pairing_new(&(TbPairingOptions){.ops = &ops, .ice = &ice, .hosts = hosts});
        Line lines[4] = {0};
        g_autofree char *token = NULL, *view = NULL, *device_token = NULL;
        for (guint i = 0; i < 4; i++)
                lines[i].party = tb_pairing_join(pairing, &lines[i], "fuzz", now);
        static const char host_hello[] =
                "{\"type\":\"hello\",\"role\":\"host\",\"host\":\"lab\",\"devices\":[{\"id\":\"a\"}]}";
        tb_pairing_text(lines[2].party, host_hello, strlen(host_hello), now);
        TbSession *phone = tb_pairing_create(
                pairing,
                &(TbSessionAsk){
                        .device = NULL, .mode = TB_MODE_VIEW, .observers = 1, .share = "net", .wide = "wide"},
                now, &token, &view, NULL);
        TbSession *device = tb_pairing_create(pairing,
                                              &(TbSessionAsk){.device = "lab/a",
                                                              .mode = TB_MODE_CONTROL,
                                                              .observers = 2,
                                                              .share = "net",
                                                              .wide = "wide"},
                                              now, &device_token, &view, NULL);
        bool paired = size > 0 && data[0] % 2;
        g_autofree char *first = paired ? hello("desktop", tb_session_id(phone), token)
                                        : hello("desktop", tb_session_id(device), device_token);
        g_autofree char *second = hello("phone", tb_session_id(phone), token);
        tb_pairing_text(lines[0].party, first, strlen(first), now);
        tb_pairing_text(lines[1].party, second, strlen(second), now);

        g_autofree char *text = g_strndup((const char *)data, size);
        g_auto(GStrv) said = g_strsplit(text, "\n", 64);
        for (char **line = said; *line; line++) {
                const char *at = **line ? strchr(who, **line) : NULL;
                Line *from = at ? &lines[at - who] : NULL;
                now += 10;
                if (!from || !from->party)
                        continue;
                if ((*line)[1] == '-') {
                        tb_pairing_left(from->party, now);
                        from->party = NULL;
                } else if ((*line)[1] == '=') {
                        tb_pairing_binary(from->party, (const guint8 *)*line + 2, strlen(*line + 2), now);
                } else if ((*line)[1]) {
                        /* "$S" stands for a session that is there, "$P" for a peer */
                        g_auto(GStrv) parts = g_strsplit(*line + 2, "$S", 8);
                        g_autofree char *message = g_strjoinv(tb_session_id(device), parts);
                        tb_pairing_text(from->party, message, strlen(message), now);
                }
        }
        tb_pairing_tick(pairing, now + 24 * 3600 * 1000);
        for (guint i = 0; i < 4; i++)
                if (lines[i].party)
                        tb_pairing_left(lines[i].party, now);
        g_bytes_unref(tb_pairing_list(pairing, TB_LIST_HOSTS, NULL, now));
        g_bytes_unref(tb_pairing_list(pairing, TB_LIST_DEVICES, NULL, now));
        tb_pairing_free(pairing);
        tb_auth_unref(hosts);
        return 0;
}
