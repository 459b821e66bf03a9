/* Shares among hosts and observers: a crowd of one network, or who only watches, keeps nobody out. */
#include <glib/gstdio.h>

#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/proto/link_key.h"
#include "lib/thread.h"
#include "server/pairing/pairing_private.h"
#include "tests/unit/server/pairing_rig.h"

static TbLinkKey *new_key(void)
{
        g_autofree char *dir = g_dir_make_tmp("testbed-key-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(dir, "key", NULL);
        TbLinkKey *key = tb_link_key_open(path, NULL);
        g_assert_nonnull(key);
        g_unlink(path);
        g_rmdir(dir);
        return key;
}

/* `key` NULL: a host without one. */
static Line *come(World *w, const char *net, const char *name, const TbLinkKey *key)
{
        Line *line = dial(w);
        line->net = net;
        tell(w, line,
             json_pack("{s:s, s:s, s:i, s:s, s:s*, s:[{s:s}]}", "type", "hello", "role", "host", "protocol",
                       2, "host", name, "key", key ? tb_link_key_public(key) : NULL, "devices", "id", "d"));
        const char *nonce = text_of(last(line), "nonce");
        g_autofree char *signature = key && nonce ? tb_link_key_sign(key, name, nonce, NULL) : NULL;
        if (signature)
                tell(w, line, json_pack("{s:s, s:s}", "type", "proof", "signature", signature));
        return line;
}

static void come_many(World *w, Line **lines, guint n, const char *net, const char *name)
{
        for (guint i = 0; i < n; i++) {
                g_autofree char *own = g_strdup_printf("%s%u", name, i);
                lines[i] = come(w, net, own, NULL);
                g_assert_cmpstr(text_of(last(lines[i]), "type"), ==, "ready");
                w->now++;
        }
}

static bool is_in(Line *line)
{
        return g_strcmp0(text_of(last(line), "type"), "ready") == 0 && !line->closed;
}

static const char *code_of(Line *line)
{
        return text_of(last(line), "code");
}

static void end_all(World *w, Line **lines, guint n)
{
        for (guint i = 0; i < n; i++)
                hang_up(w, lines[i]);
}

/* All places are one network's: a host of another one takes that of the youngest, one more of the crowd takes none. */
static void test_network(void)
{
        World w;
        setup(&w);
        Line *crowd[TB_LIMIT_HOSTS];
        come_many(&w, crowd, TB_LIMIT_HOSTS, "192.0.2.9", "k");
        Line *more = come(&w, "192.0.2.9", "more", NULL);
        g_assert_cmpstr(code_of(more), ==, "too-many-hosts");
        Line *lab = come(&w, "198.51.100.1", "lab", NULL);
        g_assert_true(is_in(lab));
        g_assert_cmpstr(code_of(crowd[TB_LIMIT_HOSTS - 1]), ==, "too-many-hosts");
        g_assert_false(crowd[TB_LIMIT_HOSTS - 2]->closed);
        Line *late = come(&w, "192.0.2.9", "late", NULL); /* nor does it take that one's */
        g_assert_cmpstr(code_of(late), ==, "too-many-hosts");
        g_assert_false(lab->closed);
        end_all(&w, (Line *[]){more, lab, late}, 3);
        end_all(&w, crowd, TB_LIMIT_HOSTS);
        teardown(&w);
}

/* One network, or a proxy's: whose key has the name from before goes before those without a key; a new key does not. */
static void test_known(void)
{
        World w;
        setup(&w);
        tb_pairing_free(w.pairing);
        TbHostKeys *keys = tb_host_keys_new();
        w.pairing = tb_pairing_new(
                &(TbPairingOptions){.ops = &ops, .ice = &no_ice, .hosts = w.hosts, .host_keys = keys});
        g_autoptr(TbLinkKey) key = new_key(), other = new_key();
        Line *lab = come(&w, NULL, "lab", key);
        g_assert_true(is_in(lab));
        hang_up(&w, lab);
        Line *crowd[TB_LIMIT_HOSTS];
        come_many(&w, crowd, TB_LIMIT_HOSTS, NULL, "k");
        Line *fresh = come(&w, NULL, "fresh", other);
        g_assert_cmpstr(code_of(fresh), ==, "too-many-hosts");
        lab = come(&w, NULL, "lab", key);
        g_assert_true(is_in(lab));
        g_assert_cmpstr(code_of(crowd[TB_LIMIT_HOSTS - 1]), ==, "too-many-hosts");
        end_all(&w, (Line *[]){lab, fresh}, 2);
        end_all(&w, crowd, TB_LIMIT_HOSTS);
        teardown(&w);
        tb_host_keys_free(keys);
}

/* TB_LIMIT_HOST_KEY_BRIEF_S: who came first so long ago goes before those whose key is known for less; a minute less, not. */
static void test_known_for_long(void)
{
        for (guint less = 0; less <= 1; less++) {
                World w;
                setup(&w);
                tb_pairing_free(w.pairing);
                TbHostKeys *keys = tb_host_keys_new();
                w.pairing = tb_pairing_new(&(TbPairingOptions){
                        .ops = &ops, .ice = &no_ice, .hosts = w.hosts, .host_keys = keys});
                g_autoptr(TbLinkKey) key = new_key(), other = new_key();
                g_autofree char *instance = tb_link_key_id(tb_link_key_public(key));
                const gint64 ago_ms = ((gint64)TB_LIMIT_HOST_KEY_BRIEF_S - 60 * less) * 1000;
                tb_host_keys_put(keys, "lab", instance, tb_link_key_public(key), NULL,
                                 tb_clock_ms() - ago_ms);
                Line *crowd[TB_LIMIT_HOSTS];
                for (guint i = 0; i < TB_LIMIT_HOSTS; i++) {
                        g_autofree char *own = g_strdup_printf("k%u", i);
                        crowd[i] = come(&w, NULL, own, other);
                        g_assert_true(is_in(crowd[i]));
                }
                Line *lab = come(&w, NULL, "lab", key);
                g_assert_cmpint(is_in(lab), ==, !less);
                hang_up(&w, lab);
                end_all(&w, crowd, TB_LIMIT_HOSTS);
                teardown(&w);
                tb_host_keys_free(keys);
        }
}

/* Hosts that show tokens: who is there stays. */
static void test_tokens(void)
{
        World w;
        setup(&w);
        Line *crowd[TB_LIMIT_HOSTS];
        come_many(&w, crowd, TB_LIMIT_HOSTS, "192.0.2.9", "k");
        g_assert_true(tb_auth_add(w.hosts, "lab", "a-token-of-the-lab", TB_ROLE_OPERATOR, NULL));
        Line *lab = dial(&w);
        lab->net = "198.51.100.1";
        tell(&w, lab,
             json_pack("{s:s, s:s, s:s, s:s}", "type", "hello", "role", "host", "host", "lab", "token",
                       "a-token-of-the-lab"));
        g_assert_cmpstr(code_of(lab), ==, "too-many-hosts");
        hang_up(&w, lab);
        end_all(&w, crowd, TB_LIMIT_HOSTS);
        teardown(&w);
}

/* TB_LIMIT_HOST_JOINS of one network at once, then TB_LIMIT_HOST_JOINS_PER_S. */
static void test_host_joins(void)
{
        World w;
        setup(&w);
        for (guint i = 0; i < TB_LIMIT_HOST_JOINS; i++) {
                Line *line = come(&w, "192.0.2.9", "lab", NULL);
                g_assert_true(is_in(line));
                hang_up(&w, line);
        }
        Line *more = come(&w, "192.0.2.9", "lab", NULL), *other = come(&w, "192.0.2.8", "other", NULL);
        g_assert_cmpstr(code_of(more), ==, "rate");
        g_assert_true(is_in(other));
        for (guint i = 0; i <= TB_LIMIT_HOST_JOINS_PER_S; i++) {
                w.now += i == 0 ? 1000 : 0;
                Line *again = come(&w, "192.0.2.9", "lab", NULL);
                g_assert_cmpint(is_in(again), ==, i < TB_LIMIT_HOST_JOINS_PER_S);
                hang_up(&w, again);
        }
        end_all(&w, (Line *[]){more, other}, 2);
        teardown(&w);
}

static TbSession *session_of(World *w, TbMode mode, guint observers, char **ret_token, char **ret_view)
{
        TbSession *session = tb_pairing_create(
                w->pairing,
                &(TbSessionAsk){
                        .device = "lab/d", .mode = mode, .observers = observers, .share = "s", .wide = "w"},
                w->now, ret_token, ret_view, NULL);
        g_assert_nonnull(session);
        return session;
}

/* TB_LIMIT_JOINS of one session at once, then TB_LIMIT_JOINS_PER_S; another session is not concerned. */
static void test_joins(void)
{
        World w;
        setup(&w);
        Line *lab = come(&w, NULL, "lab", NULL);
        g_autofree char *token = NULL, *view = NULL, *other = NULL, *view2 = NULL;
        const char *id = tb_session_id(session_of(&w, TB_MODE_VIEW, 2, &token, &view)),
                   *id2 = tb_session_id(session_of(&w, TB_MODE_VIEW, 2, &other, &view2));
        for (guint i = 0; i <= TB_LIMIT_JOINS; i++) {
                Line *line = join(&w, "desktop", id, token);
                g_assert_cmpstr(is_in(line) ? "in" : code_of(line), ==, i < TB_LIMIT_JOINS ? "in" : "rate");
                hang_up(&w, line);
        }
        w.now += 1000;
        for (guint i = 0; i <= TB_LIMIT_JOINS_PER_S; i++) {
                Line *line = join(&w, "desktop", id, token);
                g_assert_cmpint(is_in(line), ==, i < TB_LIMIT_JOINS_PER_S);
                hang_up(&w, line);
        }
        Line *elsewhere = join(&w, "desktop", id2, other);
        g_assert_true(is_in(elsewhere));
        end_all(&w, (Line *[]){elsewhere, lab}, 2);
        teardown(&w);
}

/* A control session's second link, that for watching, keeps nobody out who comes to control. */
static void test_control_first(void)
{
        World w;
        setup(&w);
        Line *lab = come(&w, NULL, "lab", NULL);
        g_autofree char *token = NULL, *view = NULL;
        const char *id = tb_session_id(session_of(&w, TB_MODE_CONTROL, 2, &token, &view));
        Line *first = join(&w, "desktop", id, view), *second = join(&w, "desktop", id, view),
             *third = join(&w, "desktop", id, view);
        w.now += 1;
        tb_pairing_tick(w.pairing, w.now); /* who is there answers */
        g_assert_cmpstr(code_of(third), ==, "too-many-observers");
        Line *owner = join(&w, "desktop", id, token);
        g_assert_true(is_in(owner));
        g_assert_cmpstr(code_of(second), ==, "too-many-observers");
        g_assert_false(first->closed);
        Line *helper = join(&w, "desktop", id, token); /* somebody controls already: who is there stays */
        w.now += 1;
        tb_pairing_tick(w.pairing, w.now);
        g_assert_cmpstr(code_of(helper), ==, "too-many-observers");
        g_assert_false(first->closed);
        end_all(&w, (Line *[]){first, second, third, owner, helper, lab}, 6);
        teardown(&w);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_log_init(g_test_verbose() ? TB_LOG_DEBUG : TB_LOG_ERROR, false);
        tb_main_init(NULL);
        g_test_add_func("/host-places/network", test_network);
        g_test_add_func("/host-places/known", test_known);
        g_test_add_func("/host-places/known-for-long", test_known_for_long);
        g_test_add_func("/host-places/tokens", test_tokens);
        g_test_add_func("/host-places/joins", test_host_joins);
        g_test_add_func("/observers/joins", test_joins);
        g_test_add_func("/observers/control-first", test_control_first);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
