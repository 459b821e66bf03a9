/* Several phones in one session, and sessions that a host asks for. */
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"
#include "server/pairing/pairing.h"
#include "tests/unit/server/pairing_rig.h"

static TbSession *create_for(World *w, guint phones, char **ret_token)
{
        g_autofree char *view = NULL;
        const TbSessionAsk ask = {.phones = phones, .observers = 1, .share = "net", .wide = "wide"};
        return tb_pairing_create(w->pairing, &ask, w->now, ret_token, &view, NULL);
}

static const char *id_of(Line *line)
{
        return text_of(g_ptr_array_index(line->said, 0), "peerId");
}

static void expect(Line *line, const char *field, const char *value)
{
        g_assert_cmpstr(text_of(last(line), field), ==, value);
}

/* TB_LIMIT_PHONES_OF_SESSION, or what its maker asked for: one more is refused. Each is told apart, and hears nothing of the others. */
static void test_several(void)
{
        World w;
        setup(&w);
        g_autofree char *token = NULL;
        TbSession *session = create_for(&w, TB_LIMIT_PHONES_OF_SESSION, &token);
        g_autofree char *id = g_strdup(tb_session_id(session));
        Line *desktop = join(&w, "desktop", id, token), *phones[TB_LIMIT_PHONES_OF_SESSION];
        for (guint i = 0; i < G_N_ELEMENTS(phones); i++) {
                phones[i] = join(&w, "phone", id, token);
                expect(phones[i], "type", "ready");
                expect(desktop, "peerId", id_of(phones[i]));
        }
        Line *more = dial(&w);
        for (guint i = 0; i < G_N_ELEMENTS(phones); i++)
                phones[i]->silent_ms = 0;
        tell(&w, more,
             json_pack("{s:s, s:s, s:s, s:s}", "type", "hello", "role", "phone", "sessionId", id, "token",
                       token));
        w.now += 50;
        tb_pairing_tick(w.pairing, w.now);
        expect(more, "message", "Phone already connected");
        hang_up(&w, more);

        /* from a phone: with its own name, whatever it wrote there; to nobody else */
        tell(&w, phones[1],
             json_pack("{s:s, s:s, s:s}", "type", "answer", "sdp", "v=0", "from", id_of(phones[0])));
        expect(desktop, "from", id_of(phones[1]));
        expect(phones[0], "type", "ready");
        /* to a phone: by its id alone */
        tell(&w, desktop,
             json_pack("{s:s, s:s, s:s}", "type", "offer", "sdp", "v=0", "to", id_of(phones[1])));
        expect(phones[1], "type", "offer");
        g_assert_null(json_object_get(last(phones[1]), "to"));
        expect(phones[0], "type", "ready");
        tell(&w, desktop, json_pack("{s:s, s:s}", "type", "offer", "sdp", "v=0"));
        expect(desktop, "message", "Peer not connected"); /* which one? */
        hang_up(&w, phones[1]);
        expect(desktop, "type", "peer-disconnected");
        for (guint i = 2; i < G_N_ELEMENTS(phones); i++)
                hang_up(&w, phones[i]);
        tell(&w, desktop, json_pack("{s:s, s:s}", "type", "offer", "sdp", "v=0"));
        expect(phones[0], "type", "offer"); /* the only one */
        hang_up(&w, desktop);
        expect(phones[0], "type", "peer-disconnected");
        hang_up(&w, phones[0]);
        teardown(&w);
}

/* Without a word there is one, and messages go byte for byte. */
static void test_one(void)
{
        World w;
        setup(&w);
        g_autofree char *token = NULL;
        g_autofree char *id = g_strdup(tb_session_id(create(&w, &token)));
        Line *desktop = join(&w, "desktop", id, token), *phone = join(&w, "phone", id, token),
             *second = join(&w, "phone", id, token);
        phone->silent_ms = 0;
        w.now += 50;
        tb_pairing_tick(w.pairing, w.now);
        expect(second, "message", "Phone already connected");
        tell(&w, phone, json_pack("{s:s, s:s, s:s}", "type", "answer", "sdp", "v=0", "from", "x"));
        expect(desktop, "from", "x");
        hang_up(&w, second);
        hang_up(&w, phone);
        hang_up(&w, desktop);
        teardown(&w);
}

static json_t *links(const char *base, const char *session, const char *token G_GNUC_UNUSED,
                     gpointer data G_GNUC_UNUSED)
{
        return json_pack("{s:o}", "phoneUrl", json_sprintf("%s/m/%s", base, session));
}

static Line *host_of(World *w, const char *name)
{
        Line *host = dial(w);
        tell(w, host,
             json_pack("{s:s, s:s, s:s, s:[]}", "type", "hello", "role", "host", "host", name, "devices"));
        return host;
}

static void ask(World *w, Line *host, const char *name)
{
        tell(w, host,
             json_pack("{s:s, s:s, s:s}", "type", "phone-session", "name", name, "base", "http://s"));
}

/* A host's own: one of each name, until it ends it; another host's word ends none. */
static void test_of_host(void)
{
        World w;
        setup(&w);
        tb_pairing_free(w.pairing);
        w.pairing = tb_pairing_new(
                &(TbPairingOptions){.ops = &ops, .ice = &no_ice, .hosts = w.hosts, .phone_links = links});
        Line *host = host_of(&w, "lab"), *other = host_of(&w, "den");
        ask(&w, host, "pixel");
        expect(host, "type", "phone-session");
        expect(host, "name", "pixel");
        g_autofree char *id = g_strdup(text_of(last(host), "sessionId")),
                        *token = g_strdup(text_of(last(host), "token"));
        g_assert_true(g_str_has_suffix(text_of(last(host), "phoneUrl"), id));
        Line *phone = join(&w, "phone", id, token);
        expect(phone, "type", "ready");
        w.now += 366ll * 86400 * 1000;
        tb_pairing_tick(w.pairing, w.now);
        g_assert_nonnull(tb_pairing_find(w.pairing, id, w.now));
        tell(&w, other, json_pack("{s:s, s:s}", "type", "phone-session-end", "session", id));
        g_assert_nonnull(tb_pairing_find(w.pairing, id, w.now));
        ask(&w, host, "pixel"); /* it has lost the one of before */
        g_assert_null(tb_pairing_find(w.pairing, id, w.now));
        expect(phone, "message", "Session ended");
        g_autofree char *fresh = g_strdup(text_of(last(host), "sessionId"));
        ask(&w, host, "No Name");
        expect(host, "type", "error");
        tell(&w, host, json_pack("{s:s, s:s}", "type", "phone-session-end", "session", fresh));
        g_assert_null(tb_pairing_find(w.pairing, fresh, w.now));
        for (guint i = 0; i < 2 * TB_LIMIT_PHONES; i++)
                ask(&w, host, "again");
        ask(&w, host, "again");
        g_assert_nonnull(strstr(text_of(last(host), "error"), "too often"));
        hang_up(&w, phone);
        hang_up(&w, other);
        hang_up(&w, host);
        teardown(&w);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        tb_log_init(TB_LOG_ERROR, false);
        g_test_add_func("/phones/several", test_several);
        g_test_add_func("/phones/one", test_one);
        g_test_add_func("/phones/of-host", test_of_host);
        return g_test_run();
}
