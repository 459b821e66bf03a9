/* Terms of links: how long they are good, for what, and what becomes of who is in when they change. */
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"
#include "server/pairing/pairing_private.h"
#include "tests/unit/server/pairing_rig.h"

static Line *lab(World *w)
{
        Line *line = dial(w);
        tell(w, line,
             json_pack("{s:s, s:s, s:s, s:[{s:s}]}", "type", "hello", "role", "host", "host", "lab",
                       "devices", "id", "board"));
        return line;
}

static TbSession *give(World *w, TbMode mode, gint64 life_s, const char *share, char **ret_token,
                       char **ret_view)
{
        const TbSessionAsk ask = {.device = "lab/board",
                                  .mode = mode,
                                  .observers = 4,
                                  .life_s = life_s,
                                  .note = " for\tthe\u202e night shift ",
                                  .share = share,
                                  .wide = "wide"};
        TbSession *session = tb_pairing_create(w->pairing, &ask, w->now, ret_token, ret_view, NULL);
        g_assert_nonnull(session);
        return session;
}

static void end(World *w, Line **lines, guint n)
{
        for (guint i = 0; i < n; i++)
                hang_up(w, lines[i]);
        teardown(w);
}

/* TB_LIMIT_SESSION_TTL_S: as long as was said, used or not, to the second; and until it is taken back. */
static void test_life(void)
{
        World w;
        setup(&w);
        Line *host = lab(&w);
        g_autofree char *token = NULL, *view = NULL, *t2 = NULL, *v2 = NULL, *t3 = NULL, *v3 = NULL;
        g_autofree char *brief = g_strdup(tb_session_id(give(&w, TB_MODE_VIEW, 60, "a", &token, &view))),
                        *forever = g_strdup(
                                tb_session_id(give(&w, TB_MODE_VIEW, TB_LIFE_UNTIL_REVOKED, "a", &t2, &v2))),
                        *year = g_strdup(
                                tb_session_id(give(&w, TB_MODE_VIEW, TB_LIMIT_SESSION_TTL_S, "a", &t3, &v3)));
        Line *watcher = join(&w, "desktop", brief, token);
        g_assert_cmpstr(text_of(last(watcher), "type"), ==, "ready");
        w.now += 59999;
        g_assert_cmpint(tb_pairing_tick(w.pairing, w.now), <=, w.now + 1000);
        g_assert_cmpint(watcher->closed, ==, 0);
        w.now += 1001; /* it was used until now, and ends all the same */
        tb_pairing_tick(w.pairing, w.now);
        g_assert_cmpstr(text_of(last(watcher), "message"), ==, "Session time is over");
        g_assert_cmpint(watcher->closed, ==, 1008);
        g_assert_null(tb_pairing_find(w.pairing, brief, w.now));
        w.now += (TB_LIMIT_SESSION_TTL_S - 100) * 1000ll;
        tb_pairing_tick(w.pairing, w.now);
        g_assert_nonnull(tb_pairing_find(w.pairing, year, w.now));
        w.now += 100000;
        tb_pairing_tick(w.pairing, w.now);
        g_assert_null(tb_pairing_find(w.pairing, year, w.now));
        TbSession *kept = tb_pairing_find(w.pairing, forever, w.now);
        json_auto_t *status = tb_session_status(kept);
        g_assert_true(json_is_null(json_object_get(status, "expiresAt")));
        tb_pairing_end(w.pairing, kept);
        g_assert_null(tb_pairing_find(w.pairing, forever, w.now));
        end(&w, (Line *[]){watcher, host}, 2);
}

/* Who controls by a link that is for watching now is cut, is gone at the host, and comes back to watch. */
static void test_for_watching_only(void)
{
        World w;
        setup(&w);
        Line *host = lab(&w);
        g_autofree char *token = NULL, *view = NULL, *v2 = NULL, *t2 = NULL;
        g_autoptr(GError) error = NULL;
        TbSession *session = give(&w, TB_MODE_CONTROL, 0, "a", &token, &view),
                  *watched = give(&w, TB_MODE_VIEW, 0, "a", &t2, &v2);
        Line *controls = join(&w, "desktop", tb_session_id(session), token),
             *watches = join(&w, "desktop", tb_session_id(session), view);
        g_assert_true(
                tb_pairing_change(w.pairing, session, &(TbSessionTerms){.has_mode = true}, w.now, NULL));
        g_assert_cmpstr(text_of(last(controls), "code"), ==, "mode-changed");
        g_assert_cmpint(controls->closed, ==, 1008);
        g_assert_cmpint(watches->closed, ==, 0);
        g_assert_cmpstr(text_of(last(host), "type"), ==, "peer-disconnected");
        Line *back = join(&w, "desktop", tb_session_id(session), token);
        g_assert_cmpstr(text_of(g_ptr_array_index(back->said, 0), "mode"), ==, "view");
        g_assert_cmpstr(text_of(last(host), "mode"), ==, "view");
        const TbSessionTerms control = {.has_mode = true, .mode = TB_MODE_CONTROL};
        g_assert_true(tb_pairing_change(w.pairing, session, &control, w.now, NULL));
        g_assert_false(tb_pairing_change(w.pairing, watched, &control, w.now, &error));
        g_assert_cmpint(tb_error_status(error), ==, 409);
        end(&w, (Line *[]){controls, watches, back, host}, 4);
}

/* TB_LIMIT_SESSIONS_SHOWN: the newest ones, of who made them, with who is in them. */
static void test_list(void)
{
        World w;
        setup(&w);
        Line *host = lab(&w);
        g_autofree char *token = NULL, *view = NULL;
        for (guint i = 0; i <= TB_LIMIT_SESSIONS_SHOWN; i++) {
                g_autofree char *t = NULL, *v = NULL;
                w.now += 1;
                give(&w, TB_MODE_VIEW, TB_LIFE_UNTIL_REVOKED, "bert", &t, &v);
        }
        TbSession *newest = give(&w, TB_MODE_CONTROL, 3600, "anna", &token, &view);
        Line *watcher = join(&w, "desktop", tb_session_id(newest), view);
        g_autoptr(TbGrants) board = tb_grants_new(), boar = tb_grants_new();
        tb_grants_add(board, "lab/board", TB_ROLE_VIEWER);
        tb_grants_add(boar, "lab/boar", TB_ROLE_VIEWER);
        json_auto_t *all = tb_pairing_sessions(w.pairing, &(TbSight){NULL}, w.now),
                    *own = tb_pairing_sessions(w.pairing, &(TbSight){.only = board, .share = "anna"}, w.now),
                    *other = tb_pairing_sessions(w.pairing, &(TbSight){.only = boar, .share = "anna"}, w.now);
        g_assert_cmpuint(json_array_size(all), ==, TB_LIMIT_SESSIONS_SHOWN);
        g_assert_cmpuint(json_array_size(own), ==, 1);
        g_assert_cmpuint(json_array_size(other), ==, 0);
        json_t *entry = json_array_get(own, 0), *people = json_object_get(entry, "people");
        g_assert_cmpstr(text_of(entry, "maker"), ==, "anna");
        g_assert_cmpstr(text_of(entry, "note"), ==, "for the night shift");
        g_assert_cmpuint(json_array_size(people), ==, 1);
        g_assert_cmpstr(text_of(json_array_get(people, 0), "mode"), ==, "view");
        end(&w, (Line *[]){watcher, host}, 2);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_log_init(g_test_verbose() ? TB_LOG_DEBUG : TB_LOG_ERROR, false);
        tb_main_init(NULL);
        g_test_add_func("/terms/life", test_life);
        g_test_add_func("/terms/for-watching-only", test_for_watching_only);
        g_test_add_func("/terms/list", test_list);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
