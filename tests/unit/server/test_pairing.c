#include "server/pairing/pairing.h"

#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/qr.h"
#include "lib/thread.h"
#include "tests/unit/server/pairing_rig.h"

static json_t *list_of(World *w, TbList which)
{
        g_autoptr(GBytes) text = tb_pairing_list(w->pairing, which, NULL, w->now);
        json_t *list = tb_json_parse_kept(g_bytes_get_data(text, NULL), g_bytes_get_size(text), NULL);
        g_assert_true(json_is_array(list));
        return list;
}

static void test_hello_timeout(void)
{
        World w;
        setup(&w);
        Line *line = dial(&w);
        w.now += TB_LIMIT_HELLO_S * 1000 - 1;
        tb_pairing_tick(w.pairing, w.now);
        g_assert_cmpint(line->closed, ==, 0);
        w.now += 1;
        tb_pairing_tick(w.pairing, w.now);
        g_assert_cmpint(line->closed, ==, 1008);
        g_assert_cmpstr(text_of(last(line), "message"), ==, "Hello timeout");
        g_autofree char *token = NULL; /* a hello after the verdict changes nothing */
        TbSession *session = create(&w, &token);
        tell(&w, line,
             json_pack("{s:s, s:s, s:s, s:s}", "type", "hello", "role", "phone", "sessionId",
                       tb_session_id(session), "token", token));
        g_assert_cmpuint(line->said->len, ==, 1);
        hang_up(&w, line);
        teardown(&w);
}

static const char *type_of(Line *line)
{
        return line->said->len ? text_of(last(line), "type") : "";
}

/* Who does not answer any more (another network, a cut cable) keeps nobody out. */
static void test_rival(void)
{
        World w;
        setup(&w);
        g_autofree char *token = NULL;
        g_autofree char *id = g_strdup(tb_session_id(create(&w, &token)));
        Line *desktop = join(&w, "desktop", id, token), *dead = join(&w, "phone", id, token),
             *back = join(&w, "phone", id, token);
        g_assert_cmpuint(dead->probed, ==, 1);
        g_assert_cmpstr(type_of(back), ==, "");
        tell(&w, back, json_pack("{s:s}", "type", "ping")); /* it waits */
        dead->silent_ms = TB_LIMIT_RIVAL_MS + 1000;
        w.now += TB_LIMIT_RIVAL_MS - 1;
        g_assert_cmpint(tb_pairing_tick(w.pairing, w.now), <=, w.now + 100);
        g_assert_cmpstr(type_of(back), ==, "");
        w.now += 1;
        tb_pairing_tick(w.pairing, w.now);
        g_assert_cmpstr(type_of(back), ==, "ready");
        g_assert_cmpstr(text_of(last(dead), "code"), ==, "replaced");
        g_assert_cmpint(dead->closed, ==, 1008);
        g_assert_cmpstr(type_of(desktop), ==, "peer-connected");
        hang_up(&w, dead);

        Line *other = join(&w, "phone", id, token), *patient = NULL;
        w.now += 20;
        back->silent_ms = 5;
        tb_pairing_tick(w.pairing, w.now);
        g_assert_cmpstr(text_of(last(other), "message"), ==, "Phone already connected");
        hang_up(&w, other);
        back->silent_ms = 10000;
        patient = join(&w, "phone", id, token);
        other = join(&w, "phone", id, token);
        hang_up(&w, back); /* the place is free */
        tb_pairing_tick(w.pairing, w.now);
        g_assert_cmpstr(type_of(patient), ==, "ready");
        patient->silent_ms = 10000; /* the next in the row asks the next one */
        w.now += TB_LIMIT_RIVAL_MS;
        tb_pairing_tick(w.pairing, w.now);
        g_assert_cmpstr(type_of(other), ==, "ready");
        g_assert_cmpint(patient->closed, ==, 1008);
        /* a desktop has the same right, and one that waits may leave */
        Line *second = join(&w, "desktop", id, token);
        hang_up(&w, second);
        desktop->silent_ms = 10000;
        second = join(&w, "desktop", id, token);
        w.now += TB_LIMIT_RIVAL_MS;
        tb_pairing_tick(w.pairing, w.now);
        g_assert_cmpstr(type_of(second), ==, "ready");
        hang_up(&w, second);
        hang_up(&w, desktop);
        hang_up(&w, patient);
        hang_up(&w, other);
        teardown(&w);
}

static void test_expiry(void)
{
        World w;
        setup(&w);
        tb_pairing_tick(w.pairing, w.now);
        g_autofree char *token = NULL;
        TbSession *session = create(&w, &token);
        g_autofree char *id = g_strdup(tb_session_id(session));
        Line *phone = join(&w, "phone", id, token);
        w.now += TB_LIMIT_SESSION_IDLE_S * 1000 - 1;
        tell(&w, phone, json_pack("{s:s}", "type", "ping")); /* activity */
        w.now += TB_LIMIT_SESSION_IDLE_S * 1000 - 1;
        g_assert_nonnull(tb_pairing_find(w.pairing, id, w.now));
        w.now += 1;
        g_assert_null(tb_pairing_find(w.pairing, id, w.now)); /* even before the clean-up has come by */
        Line *late = join(&w, "desktop", id, token);
        g_assert_cmpstr(text_of(last(late), "message"), ==, "Invalid session or token");
        tb_pairing_tick(w.pairing, w.now);
        g_assert_cmpint(phone->closed, ==, 1008);
        g_assert_cmpstr(text_of(last(phone), "code"), ==, "session-expired");
        hang_up(&w, phone);
        hang_up(&w, late);
        teardown(&w);
}

static void test_longest_life(void)
{
        World w;
        setup(&w);
        g_autofree char *token = NULL;
        TbSession *session = create(&w, &token);
        g_autofree char *id = g_strdup(tb_session_id(session));
        Line *phone = join(&w, "phone", id, token);
        gint64 end = w.now + TB_LIMIT_SESSION_MAX_S * 1000ll;
        while (w.now < end - 1000) { /* busy all day */
                w.now = MIN(w.now + 300 * 1000, end - 1000);
                tell(&w, phone, json_pack("{s:s}", "type", "ping"));
                tb_pairing_tick(w.pairing, w.now);
        }
        g_assert_nonnull(tb_pairing_find(w.pairing, id, w.now));
        w.now = end + 31000;
        tb_pairing_tick(w.pairing, w.now);
        g_assert_cmpint(phone->closed, ==, 1008);
        hang_up(&w, phone);
        teardown(&w);
}

/* One more session; the code of the refusal, -1: it was made. */
static int one_more(World *w, const char *share, const char *wide, bool trusted)
{
        g_autofree char *token = NULL, *view = NULL;
        g_autoptr(GError) error = NULL;
        TbSessionAsk ask = {
                .mode = TB_MODE_VIEW, .observers = 1, .share = share, .wide = wide, .trusted = trusted};
        return tb_pairing_create(w->pairing, &ask, w->now, &token, &view, &error) ? -1 : error->code;
}

/* All places are taken: operators and networks that have next to none still find some, up to the end of the reserve. */
static void test_session_limit(void)
{
        World w;
        setup(&w);
        for (guint i = 0; i < TB_LIMIT_SESSIONS; i++)
                g_assert_cmpint(one_more(&w, "net", "wide", false), ==, -1);
        g_assert_cmpint(one_more(&w, "net", "wide", false), ==, TB_ERROR_UNAVAILABLE);
        for (guint i = 0; i < TB_LIMIT_SESSIONS_NEWCOMER; i++)
                g_assert_cmpint(one_more(&w, "other", "elsewhere", false), ==, -1);
        g_assert_cmpint(one_more(&w, "other", "elsewhere", false), ==, TB_ERROR_UNAVAILABLE);
        for (guint i = TB_LIMIT_SESSIONS_NEWCOMER; i < TB_LIMIT_SESSIONS_RESERVE; i++)
                g_assert_cmpint(one_more(&w, "alice", "wide", true), ==, -1);
        g_assert_cmpint(one_more(&w, "alice", "wide", true), ==, TB_ERROR_UNAVAILABLE);
        g_assert_cmpint(one_more(&w, "third", "far away", false), ==, TB_ERROR_UNAVAILABLE);
        w.now += TB_LIMIT_SESSION_IDLE_S * 1000 + 31000;
        tb_pairing_tick(w.pairing, w.now);
        g_assert_cmpint(one_more(&w, "net", "wide", false), ==, -1);
        teardown(&w);
}

/* One share is bounded, and gets its places back. */
static void test_session_share(void)
{
        World w;
        setup(&w);
        tb_pairing_free(w.pairing);
        w.pairing = tb_pairing_new(
                &(TbPairingOptions){.ops = &ops, .ice = &no_ice, .hosts = w.hosts, .sessions_per_share = 3});
        for (guint round = 0; round < 2; round++) {
                for (guint i = 0; i < 3; i++)
                        g_assert_cmpint(one_more(&w, "net", "wide", false), ==, -1);
                g_assert_cmpint(one_more(&w, "net", "wide", true), ==, TB_ERROR_LIMIT);
                g_assert_cmpint(one_more(&w, "other", "wide", false), ==, -1);
                w.now += TB_LIMIT_SESSION_IDLE_S * 1000 + 31000;
                tb_pairing_tick(w.pairing, w.now);
        }
        teardown(&w);
}

static void test_host_limits(void)
{
        World w;
        setup(&w);
        Line *lines[TB_LIMIT_HOSTS + 1];
        for (guint i = 0; i <= TB_LIMIT_HOSTS; i++) {
                g_autofree char *name = g_strdup_printf("h%u", i);
                lines[i] = dial(&w);
                tell(&w, lines[i],
                     json_pack("{s:s, s:s, s:i, s:s}", "type", "hello", "role", "host", "protocol", 2, "host",
                               name));
                g_assert_cmpstr(text_of(last(lines[i]), "type"), ==, i < TB_LIMIT_HOSTS ? "ready" : "error");
        }
        g_assert_cmpstr(text_of(last(lines[TB_LIMIT_HOSTS]), "message"), ==, "Too many hosts");
        for (guint extra = 0; extra < 2; extra++) {
                json_t *devices = json_array();
                for (guint i = 0; i < TB_LIMIT_DEVICES + extra; i++) {
                        g_autofree char *id = g_strdup_printf("d%u", i);
                        json_array_append_new(devices, json_pack("{s:s}", "id", id));
                }
                guint before = lines[0]->said->len;
                tell(&w, lines[0], json_pack("{s:s, s:o}", "type", "devices", "devices", devices));
                g_assert_cmpuint(lines[0]->said->len - before, ==, extra);
        }
        for (guint i = 0; i <= TB_LIMIT_HOSTS; i++)
                hang_up(&w, lines[i]);
        teardown(&w);
}

/* A host that stops answering pings is away, and back with its first word; its connection is kept all the
 * while. One that never answered a ping is not judged. */
static void test_away(void)
{
        World w;
        setup(&w);
        Line *host = dial(&w), *mute = dial(&w);
        tell(&w, host,
             json_pack("{s:s, s:s, s:i, s:s, s:[{s:s}]}", "type", "hello", "role", "host", "protocol", 2,
                       "host", "h", "devices", "id", "d"));
        tell(&w, mute,
             json_pack("{s:s, s:s, s:i, s:s}", "type", "hello", "role", "host", "protocol", 2, "host",
                       "mute"));
        g_autofree char *token = NULL, *view = NULL;
        TbSession *session = tb_pairing_create(w.pairing,
                                               &(TbSessionAsk){.device = "h/d",
                                                               .mode = TB_MODE_VIEW,
                                                               .observers = 2,
                                                               .share = "net",
                                                               .wide = "wide"},
                                               w.now, &token, &view, NULL);
        Line *observer = join(&w, "desktop", tb_session_id(session), view);
        g_assert_cmpstr(text_of(last(observer), "type"), ==, "ready");

        gint64 at = tb_pairing_tick(w.pairing, w.now);
        g_assert_cmpstr(text_of(last(host), "type"), ==, "ping");
        tell(&w, host, json_pack("{s:s}", "type", "pong"));
        for (w.now = at; strcmp(text_of(last(observer), "type"), "peer-disconnected") != 0; w.now = at) {
                at = tb_pairing_tick(w.pairing, w.now);
                g_assert_cmpint(at, >, w.now);
                g_assert_cmpint(w.now, <=, 1700000000000 + 6000);
        }
        g_assert_cmpint(w.now, >=, 1700000000000 + 6000);
        g_assert_cmpstr(text_of(last(observer), "type"), ==, "peer-disconnected");
        json_auto_t *hosts = list_of(&w, TB_LIST_HOSTS), *status = tb_session_status(session);
        g_assert_false(json_boolean_value(json_object_get(json_array_get(hosts, 0), "online")));
        g_assert_true(json_boolean_value(json_object_get(json_array_get(hosts, 1), "online")));
        g_assert_false(json_boolean_value(json_object_get(status, "phoneConnected")));
        Line *late = join(&w, "desktop", tb_session_id(session), view);
        g_assert_cmpuint(json_array_size(json_object_get(last(late), "peers")), ==, 1); /* the observer */

        guint told = host->said->len;
        tell(&w, host, json_pack("{s:s}", "type", "pong"));
        for (guint i = 0; i < 2; i++) {
                Line *line = i == 0 ? observer : late;
                g_assert_cmpstr(text_of(last(line), "type"), ==, "peer-connected");
                g_assert_cmpstr(text_of(last(line), "peer"), ==, "phone");
        }
        g_assert_cmpuint(host->said->len, ==, told); /* it has its observers still */
        g_assert_cmpint(host->closed, ==, 0);
        hang_up(&w, late);
        hang_up(&w, observer);
        hang_up(&w, mute);
        hang_up(&w, host);
        teardown(&w);
}

static void test_rate(void)
{
        World w;
        setup(&w);
        g_autofree char *token = NULL;
        TbSession *session = create(&w, &token);
        Line *phone = join(&w, "phone", tb_session_id(session), token),
             *desktop = join(&w, "desktop", tb_session_id(session), token);
        guint before = desktop->said->len;
        for (guint i = 0; i < 2 * TB_LIMIT_MESSAGES_PER_S - 1; i++) /* the hello was one */
                tell(&w, phone, json_pack("{s:s, s:i}", "type", "bye", "n", i));
        g_assert_cmpuint(desktop->said->len - before, ==, 2 * TB_LIMIT_MESSAGES_PER_S - 1);
        tell(&w, phone, json_pack("{s:s}", "type", "bye")); /* limit + 1 */
        g_assert_cmpuint(desktop->said->len - before, ==, 2 * TB_LIMIT_MESSAGES_PER_S - 1);
        g_assert_cmpstr(text_of(last(phone), "message"), ==, "Too many messages");
        g_assert_cmpint(phone->closed, ==, 0);
        w.now += 2000;
        tell(&w, phone, json_pack("{s:s}", "type", "bye"));
        g_assert_cmpuint(desktop->said->len - before, ==, 2 * TB_LIMIT_MESSAGES_PER_S);
        hang_up(&w, phone);
        hang_up(&w, desktop);
        teardown(&w);
}

/* Who goes on over the rate of bytes is cut, however few the messages are: every message within the rate is
 * only a gap that it found. */
static void test_rate_of_bytes(void)
{
        World w;
        setup(&w);
        g_autofree char *token = NULL;
        TbSession *session = create(&w, &token);
        Line *phone = join(&w, "phone", tb_session_id(session), token),
             *desktop = join(&w, "desktop", tb_session_id(session), token);
        const gsize block = 64 * 1024;
        g_autofree guint8 *picture = g_malloc0(block);
        picture[0] = 1;
        w.now += 10000; /* the bytes of the hello are forgotten */
        gsize burst = 2 * TB_LIMIT_BYTES_PER_S;
        for (gsize sent = 0; sent < burst; sent += block)
                tb_pairing_binary(phone->party, picture, block, w.now);
        g_assert_cmpuint(desktop->pictures, ==, burst / block);
        g_assert_cmpstr(text_of(last(phone), "type"), ==, "peer-connected");
        tb_pairing_binary(phone->party, picture, 1, w.now); /* limit + 1 */
        g_assert_cmpuint(desktop->pictures, ==, burst / block);
        g_assert_cmpstr(text_of(last(phone), "message"), ==, "Too many messages");
        g_assert_cmpint(phone->closed, ==, 0);
        guint told = phone->said->len;
        for (guint i = 0; phone->closed == 0; i++) { /* 6.5 MB a second: five of eight get through */
                g_assert_cmpuint(i, <, 2000);
                w.now += 10;
                tb_pairing_binary(phone->party, picture, block, w.now);
        }
        g_assert_cmpint(phone->closed, ==, 1008);
        g_assert_cmpuint(phone->said->len - told, ==, 1);
        hang_up(&w, phone);

        phone = join(&w, "phone", tb_session_id(session), token); /* one that calms down is let be */
        for (guint i = 0; i < 2 * burst / block; i++)
                tb_pairing_binary(phone->party, picture, block, w.now);
        for (guint round = 0; round < 20; round++) {
                w.now += 2000;
                guint before = desktop->pictures;
                for (guint i = 0; i < TB_LIMIT_BYTES_PER_S / block; i++)
                        tb_pairing_binary(phone->party, picture, block, w.now);
                g_assert_cmpuint(desktop->pictures - before, ==, TB_LIMIT_BYTES_PER_S / block);
        }
        g_assert_cmpint(phone->closed, ==, 0);
        hang_up(&w, phone);
        hang_up(&w, desktop);
        teardown(&w);
}

static void test_observers(void)
{
        World w;
        setup(&w);
        Line *host = dial(&w), *all[TB_LIMIT_OBSERVERS + 1];
        tell(&w, host,
             json_pack("{s:s, s:s, s:i, s:s, s:[{s:s}]}", "type", "hello", "role", "host", "protocol", 2,
                       "host", "h", "devices", "id", "d"));
        g_autofree char *token = NULL, *view = NULL;
        TbSession *session = tb_pairing_create(w.pairing,
                                               &(TbSessionAsk){.device = "h/d",
                                                               .mode = TB_MODE_VIEW,
                                                               .observers = TB_LIMIT_OBSERVERS,
                                                               .share = "net",
                                                               .wide = "wide"},
                                               w.now, &token, &view, NULL);
        guint told = 0;
        for (guint i = 0; i <= TB_LIMIT_OBSERVERS; i++) {
                told = host->said->len;
                all[i] = join(&w, "desktop", tb_session_id(session), view);
                w.now += 1; /* all are there */
                tb_pairing_tick(w.pairing, w.now);
                g_assert_cmpstr(
                        text_of(i < TB_LIMIT_OBSERVERS ? g_ptr_array_index(all[i]->said, 0) : last(all[i]),
                                i < TB_LIMIT_OBSERVERS ? "type" : "message"),
                        ==, i < TB_LIMIT_OBSERVERS ? "ready" : "Too many observers");
        }
        g_assert_cmpint(all[TB_LIMIT_OBSERVERS]->closed, ==, 1008);
        hang_up(&w, all[TB_LIMIT_OBSERVERS]);
        g_assert_cmpuint(host->said->len, ==, told); /* the host has heard nothing of that one */
        hang_up(&w, all[7]);
        all[7] = join(&w, "desktop", tb_session_id(session), view);
        g_assert_cmpstr(text_of(last(all[7]), "type"), ==, "ready");
        for (guint i = 0; i < TB_LIMIT_OBSERVERS; i++)
                hang_up(&w, all[i]);
        hang_up(&w, host);
        teardown(&w);
}

static void test_slow_reader(void)
{
        World w;
        setup(&w);
        g_autofree char *token = NULL;
        TbSession *session = create(&w, &token);
        Line *phone = join(&w, "phone", tb_session_id(session), token),
             *desktop = join(&w, "desktop", tb_session_id(session), token);
        guint before = desktop->said->len;
        desktop->queued = 64 * 1024;
        tell(&w, phone, json_pack("{s:s}", "type", "sensor"));
        desktop->queued++; /* limit + 1: samples are left out, events are not */
        tell(&w, phone, json_pack("{s:s}", "type", "sensor"));
        tell(&w, phone, json_pack("{s:s}", "type", "event"));
        g_assert_cmpuint(desktop->said->len - before, ==, 2);
        for (guint8 n = 1; n <= 5; n++) {
                guint8 picture[] = {1, 0xff, 0xd8, n};
                tb_pairing_binary(phone->party, picture, sizeof picture, w.now);
        }
        g_assert_cmpuint(desktop->pictures, ==, 0);
        desktop->queued = 0;
        tb_pairing_drained(desktop->party);
        tb_pairing_drained(desktop->party);
        g_assert_cmpuint(desktop->pictures, ==, 1);
        g_assert_cmpint(desktop->last_picture, ==, 5); /* the newest */
        hang_up(&w, phone);
        hang_up(&w, desktop);
        teardown(&w);
}

static void drain(Line *host)
{
        gsize queued = host->queued;
        host->queued = 0;
        tb_pairing_drained(host->party);
        host->queued = queued;
}

/* The host "lab", with a board. */
static Line *lab(World *w)
{
        Line *host = dial(w);
        tell(w, host,
             json_pack("{s:s, s:s, s:s, s:[{s:s}]}", "type", "hello", "role", "host", "host", "lab",
                       "devices", "id", "board"));
        return host;
}

/* A session for as many observers of it as one may have: its id. */
static char *watch_lab(World *w, char **ret_token)
{
        g_autofree char *view = NULL;
        TbSession *session = tb_pairing_create(w->pairing,
                                               &(TbSessionAsk){.device = "lab/board",
                                                               .mode = TB_MODE_VIEW,
                                                               .observers = TB_LIMIT_OBSERVERS,
                                                               .share = "net",
                                                               .wide = "wide"},
                                               w->now, ret_token, &view, NULL);
        g_assert_nonnull(session);
        return g_strdup(tb_session_id(session));
}

/* A message of `size` bytes that an observer sends towards its host; whether it was taken. */
static bool burdens(World *w, Line *observer, Line *host, gsize size)
{
        guint before = host->said->len;
        g_autofree char *fill = g_strnfill(size - strlen("{\"type\":\"event\",\"x\":\"\"}"), 'x');
        g_autofree char *text = g_strdup_printf("{\"type\":\"event\",\"x\":\"%s\"}", fill);
        g_assert_cmpuint(strlen(text), ==, size);
        tb_pairing_text(observer->party, text, size, w->now);
        drain(host);
        return host->said->len > before;
}

static void test_burden_of_host(void)
{
        World w;
        setup(&w);
        Line *host = lab(&w);
        g_autofree char *token = NULL, *id = watch_lab(&w, &token);
        Line *a = join(&w, "desktop", id, token), *b = join(&w, "desktop", id, token);
        const gsize block = 32 * 1024;
        w.now += 60000;
        host->queued = TB_LIMIT_HOST_BACKLOG; /* just full: it still takes one */
        g_assert_true(burdens(&w, a, host, block));
        host->queued = TB_LIMIT_HOST_BACKLOG + 1;
        g_assert_false(burdens(&w, a, host, block));
        g_assert_cmpstr(text_of(last(a), "code"), ==, "busy");
        host->queued = 0;
        for (gsize sent = block; sent < TB_LIMIT_OBSERVER_BURST; sent += block)
                g_assert_true(burdens(&w, a, host, block));
        g_assert_false(burdens(&w, a, host, 64));   /* burst + 1 */
        g_assert_true(burdens(&w, b, host, block)); /* that was a's budget, not b's */
        w.now += 1000;
        for (gsize sent = 0; sent < TB_LIMIT_OBSERVER_BYTES_PER_S; sent += block)
                g_assert_true(burdens(&w, a, host, block));
        g_assert_false(burdens(&w, a, host, 64));
        g_assert_cmpint(a->closed, ==, 0);
        for (guint i = 0; a->closed == 0; i++) { /* who goes on regardless is cut, the host is not */
                g_assert_cmpuint(i, <, 5000);
                w.now += 10;
                burdens(&w, a, host, block);
        }
        g_assert_cmpstr(text_of(last(a), "code"), ==, "busy");
        g_assert_cmpint(host->closed, ==, 0);
        hang_up(&w, a);
        hang_up(&w, b);
        hang_up(&w, host);
        teardown(&w);
}

static void says(World *w, Line *observer, const char *name, gsize size)
{
        g_autofree char *fill = g_strnfill(size, 'x');
        tell(w, observer, json_pack("{s:s, s:s, s:s}", "type", "event", "name", name, "x", fill));
}

/* An observer that says all it may to a host whose line is slow delays the next one by a message, not by all of it;
 * what waits is bounded for each, and who has nothing there gets in beside who has much. */
static void test_turns_of_observers(void)
{
        World w;
        setup(&w);
        Line *host = lab(&w);
        g_autofree char *token = NULL, *id = watch_lab(&w, &token);
        Line *a = join(&w, "desktop", id, token), *b = join(&w, "desktop", id, token),
             *c = join(&w, "desktop", id, token);
        guint at = host->said->len;
        host->queued = TB_LIMIT_HOST_AHEAD; /* at the limit it goes on at once */
        says(&w, a, "a", 1);
        g_assert_cmpuint(host->said->len, ==, at + 1);
        host->queued = TB_LIMIT_HOST_AHEAD + 1;
        for (guint i = 0; i < 100; i++) /* more than TB_LIMIT_OBSERVER_BURST */
                says(&w, a, "a", 8000);
        g_assert_cmpstr(text_of(last(a), "code"), ==, "busy");
        says(&w, b, "b", 10);
        says(&w, b, "b", 10);
        says(&w, c, "c", 10);
        g_assert_cmpuint(host->said->len, ==, at + 1);
        hang_up(&w, c); /* and takes it back */
        at = host->said->len;
        drain(host);
        static const char *const order[] = {"a", "b", "a", "b", "a", "a"};
        for (guint i = 0; i < G_N_ELEMENTS(order);) {
                json_t *message = g_ptr_array_index(host->said, at++);
                if (text_of(message, "name"))
                        g_assert_cmpstr(text_of(message, "name"), ==, order[i++]);
        }
        guint from_a = 0;
        for (guint i = 0; i < host->said->len; i++)
                from_a += g_strcmp0(text_of(g_ptr_array_index(host->said, i), "name"), "a") == 0;
        g_assert_cmpuint(from_a, >, 10);
        g_assert_cmpuint(from_a, <=, 2 + TB_LIMIT_OBSERVER_BURST / 8000);
        w.now += 60000;
        says(&w, a, "late", 100); /* waits for a host that comes again by another line */
        Line *again = lab(&w);
        says(&w, a, "anew", 100);
        g_assert_cmpstr(text_of(last(again), "name"), ==, "anew");
        hang_up(&w, host);
        again->queued = TB_LIMIT_HOST_AHEAD + 1;
        says(&w, a, "a", 100); /* what waits when the host goes, or at the end, is freed */
        hang_up(&w, again);
        says(&w, a, "a", 100);
        g_assert_cmpstr(text_of(last(a), "code"), ==, "no-peer");
        hang_up(&w, a);
        hang_up(&w, b);
        teardown(&w);
}

static void test_message_sizes(void)
{
        static const struct {
                const char *type;
                gsize max;
        } rows[] = {{"ice", 4096}, {"sensor", 4096}, {"offer", 2 * TB_LIMIT_SDP}, {"event", 64 * 1024}};
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                World w;
                setup(&w);
                g_autofree char *token = NULL;
                TbSession *session = create(&w, &token);
                Line *phone = join(&w, "phone", tb_session_id(session), token),
                     *desktop = join(&w, "desktop", tb_session_id(session), token);
                for (gsize extra = 0; extra < 2; extra++) {
                        g_autofree char *head = g_strdup_printf("{\"type\":\"%s\",\"x\":\"", rows[i].type);
                        g_autofree char *fill = g_strnfill(rows[i].max - strlen(head) - 2 + extra, 'x');
                        g_autofree char *text = g_strconcat(head, fill, "\"}", NULL);
                        tb_pairing_text(phone->party, text, strlen(text), w.now);
                        g_assert_cmpstr(text_of(last(extra ? phone : desktop), extra ? "message" : "type"),
                                        ==, extra ? "Message too large" : rows[i].type);
                }
                hang_up(&w, phone);
                hang_up(&w, desktop);
                teardown(&w);
        }
}

/* Golden messages from client to server: what is valid there is understood here, and a hello that is not is
 * refused. */
static void test_golden_hellos(void)
{
        g_autoptr(GDir) dir = g_dir_open("tests/fixtures/proto", 0, NULL);
        guint seen = 0;
        g_assert_nonnull(dir);
        for (const char *name; (name = g_dir_read_name(dir));) {
                if (!g_str_has_prefix(name, "hello."))
                        continue;
                g_autofree char *path = g_build_filename("tests/fixtures/proto", name, NULL);
                json_auto_t *file = json_load_file(path, 0, NULL);
                json_t *message = json_object_get(file, "message");
                if (g_strcmp0(text_of(message, "role"), "host") == 0)
                        continue;
                World w;
                setup(&w);
                Line *line = dial(&w);
                tell(&w, line, json_incref(message));
                g_assert_cmpint(line->closed, ==,
                                1008); /* no such session here, or a broken hello: refused either way */
                const char *said = text_of(last(line), "message");
                g_assert_true(g_str_equal(said, "Invalid session or token") ||
                              g_str_equal(said, "Invalid role"));
                if (json_is_true(json_object_get(file, "valid")))
                        g_assert_cmpstr(said, ==, "Invalid session or token");
                hang_up(&w, line);
                teardown(&w);
                seen++;
        }
        g_assert_cmpuint(seen, >=, 4);
}

static guint of_type(Line *line, const char *type)
{
        guint n = 0;
        for (guint i = 0; i < line->said->len; i++)
                n += g_strcmp0(text_of(g_ptr_array_index(line->said, i), "type"), type) == 0;
        return n;
}

/* Who stays longer than his TURN credentials last has new ones half-way to their end, each time; who left has none. */
static void test_renewed(void)
{
        World w;
        setup(&w);
        tb_pairing_free(w.pairing);
        char server[] = "turn:t:3478", *turn[] = {server, NULL};
        char secret[] = "secret";
        TbIceConfig ice = {.turn = turn, .secret = secret, .ttl_s = 600};
        w.pairing = tb_pairing_new(&(TbPairingOptions){.ops = &ops, .ice = &ice, .hosts = w.hosts});
        Line *host = lab(&w), *observers[2];
        g_autofree char *token = NULL, *id = watch_lab(&w, &token);
        for (guint i = 0; i < G_N_ELEMENTS(observers); i++) {
                w.now += 1000;
                observers[i] = dial(&w);
                tell(&w, observers[i],
                     json_pack("{s:s, s:s, s:s, s:s}", "type", "hello", "role", "desktop", "sessionId", id,
                               "token", token));
                g_assert_cmpuint(of_type(observers[i], "ready"), ==, 1);
        }
        w.now += 300000 - 2000 - 1;
        tb_pairing_tick(w.pairing, w.now);
        g_assert_cmpuint(of_type(host, "ice-servers"), ==, 0);
        w.now++;
        tb_pairing_tick(w.pairing, w.now);
        g_assert_cmpuint(of_type(host, "ice-servers"), ==, 1);
        g_assert_cmpuint(of_type(observers[0], "ice-servers"), ==, 0);
        hang_up(&w, observers[1]); /* while it is in the queue */
        w.now += 1000;
        tb_pairing_tick(w.pairing, w.now);
        g_assert_cmpuint(of_type(observers[0], "ice-servers"), ==, 1);
        json_t *servers = json_object_get(newest(observers[0], "ice-servers"), "iceServers");
        const char *username = text_of(json_array_get(servers, json_array_size(servers) - 1), "username");
        g_autofree char *whom =
                g_strdup_printf(":%s", text_of(g_ptr_array_index(observers[0]->said, 0), "peerId"));
        g_assert_true(g_str_has_suffix(username, whom));
        w.now += 300000;
        tb_pairing_tick(w.pairing, w.now);
        g_assert_cmpuint(of_type(host, "ice-servers"), ==, 2);
        g_assert_cmpuint(of_type(observers[0], "ice-servers"), ==, 2);
        hang_up(&w, observers[0]);
        hang_up(&w, host);
        teardown(&w);
}

static void test_qr(void)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) svg = tb_qr_svg("http://localhost/m/x?token=y", &error),
                          png = tb_qr_png("http://localhost/m/x?token=y", &error);
        g_assert_no_error(error);
        gsize size;
        g_assert_true(g_str_has_prefix(g_bytes_get_data(svg, &size), "<svg xmlns="));
        g_assert_cmpint(memcmp(g_bytes_get_data(png, &size), "\x89PNG", 4), ==, 0);
        g_autofree char *largest = g_strnfill(1273, 'a'),
                        *larger = g_strnfill(1274, 'a'); /* version 40, level H, bytes */
        g_autoptr(GBytes) fits = tb_qr_svg(largest, &error);
        g_assert_no_error(error);
        g_assert_null(tb_qr_svg(larger, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_TOO_LARGE);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        tb_log_init(TB_LOG_ERROR, false);
        g_test_add_func("/pairing/rival", test_rival);
        g_test_add_func("/pairing/hello-timeout", test_hello_timeout);
        g_test_add_func("/pairing/expiry", test_expiry);
        g_test_add_func("/pairing/longest-life", test_longest_life);
        g_test_add_func("/pairing/session-limit", test_session_limit);
        g_test_add_func("/pairing/session-share", test_session_share);
        g_test_add_func("/pairing/host-limits", test_host_limits);
        g_test_add_func("/pairing/away", test_away);
        g_test_add_func("/pairing/rate", test_rate);
        g_test_add_func("/pairing/rate-of-bytes", test_rate_of_bytes);
        g_test_add_func("/pairing/observers", test_observers);
        g_test_add_func("/pairing/slow-reader", test_slow_reader);
        g_test_add_func("/pairing/burden-of-host", test_burden_of_host);
        g_test_add_func("/pairing/turns", test_turns_of_observers);
        g_test_add_func("/pairing/message-sizes", test_message_sizes);
        g_test_add_func("/pairing/golden-hellos", test_golden_hellos);
        g_test_add_func("/pairing/renewed", test_renewed);
        g_test_add_func("/qr/sizes", test_qr);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
