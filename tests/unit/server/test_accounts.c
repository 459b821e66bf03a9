/* Passwords, guesses, and persons: what they may, where they are signed in, and until when. */
#include <glib/gstdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/server_limits.h"
#include "lib/thread.h"
#include "server/accounts/guesses.h"
#include "server/accounts/password.h"
#include "server/accounts/people.h"

#define S ((gint64)G_USEC_PER_SEC)

static void on_change(gpointer data G_GNUC_UNUSED)
{
}

/* --- passwords --- */
static void good_passwords(void)
{
        g_autofree char *longest = g_strnfill(TB_LIMIT_PASSWORD - 1, 'a'),
                        *longer = g_strnfill(TB_LIMIT_PASSWORD, 'a'), *most = g_strconcat("b", longest, NULL),
                        *more = g_strconcat("b", longer, NULL);
        g_auto(GStrv) umlauts = g_strsplit(most, "a", -1); /* characters count, as who types them does */
        g_autofree char *wide = g_strjoinv("ä", umlauts), *wider = g_strconcat(wide, "ä", NULL);
        const struct {
                const char *password;
                bool good;
        } table[] = {{"correct horse", true},
                     {"1234567890", true}, /* TB_LIMIT_PASSWORD_MIN */
                     {"123456789", false},
                     {"", false},
                     {"aaaaaaaaaaaaaa", false},
                     {"annaannaan", false},
                     {"Annaannaan", false},
                     {"with\ttab here", false},
                     {"läßt sich merken", true},
                     {"\xff\xfe bytes 123456", false},
                     {"ääääääääb", false},
                     {"äääääääääb", true},
                     {wide, true},
                     {wider, false},
                     {most, true},
                     {more, false}};
        for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_cmpint(tb_password_is_good(table[i].password, "annaannaan", &error), ==,
                                table[i].good);
                g_assert_true(table[i].good == (error == NULL));
        }
}

static void hashes(void)
{
        g_autofree char *a = tb_password_hash_now("correct horse"),
                        *b = tb_password_hash_now("correct horse");
        g_assert_true(tb_password_is_text(a) && g_str_has_prefix(a, "$argon2id$v=19$m=32768,t=3,p=1$"));
        g_assert_cmpstr(a, !=, b); /* salt */
        g_assert_true(tb_password_verify_now("correct horse", a));
        g_assert_false(tb_password_verify_now("correct horsf", a));
        g_assert_false(tb_password_verify_now("", a));
        g_assert_false(tb_password_verify_now("correct horse", NULL));
        static const char *const broken[] = {"",
                                             "$argon2id$",
                                             "$argon2id$v=19$m=32768,t=3,p=1$",
                                             "plain",
                                             "$argon2i$v=19$m=32768,t=3,p=1$AAAAAAAAAAA$AAAAAAAAAAA",
                                             "$argon2id$v=19$m=4294967295,t=4294967295,p=1$YWFhYWFhYWE$YQ"};
        for (guint i = 0; i < G_N_ELEMENTS(broken); i++)
                g_assert_false(tb_password_verify_now("correct horse", broken[i]));
}

static void on_hashed(bool right, const char *text, gpointer data)
{
        guint *n = data;
        g_assert_true(right && text == NULL);
        ++*n;
}

/* TB_LIMIT_PASSWORD_THREADS work, TB_LIMIT_PASSWORD_QUEUE wait, the next one is told so; what waits at the end is dropped. */
static void queue(void)
{
        TbHasher *hasher = tb_hasher_new(NULL);
        guint done = 0, taken = 0;
        g_autoptr(GError) error = NULL;
        g_assert_true(tb_hasher_start(hasher, "", false, NULL, NULL, on_hashed, &done, NULL));
        while (done == 0)
                g_main_context_iteration(NULL, TRUE);
        while (tb_hasher_start(hasher, "slow enough", true, NULL, NULL, on_hashed, &done, &error))
                taken++;
        g_assert_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        g_assert_cmpuint(taken, <=, TB_LIMIT_PASSWORD_QUEUE + 2 * TB_LIMIT_PASSWORD_THREADS);
        g_assert_cmpuint(tb_hasher_waiting(hasher), <=, TB_LIMIT_PASSWORD_QUEUE);
        tb_hasher_free(hasher);
}

/* --- guesses --- */
static guint tries(TbGuesses *g, TbGuess guess, gint64 now_us)
{
        guint n = 0;
        double wait_s = 0;
        while (n < 1000 && tb_guesses_may(g, &guess, now_us, &wait_s))
                n++;
        g_assert_true(n == 1000 || (wait_s > 0 && wait_s <= TB_LIMIT_GUESSES_S));
        return n;
}

static void guesses(void)
{
        TbGuesses *g = tb_guesses_new();
        const TbGuess stranger = {"anna", "10.0.0.1", NULL, false}, far = {"anna", "10.0.0.2", NULL, false},
                      known = {"anna", "10.0.0.1", "browser-1", false},
                      neighbour = {"bert", "10.0.0.1", NULL, false}, here = {"anna", "10.0.0.3", NULL, true};
        gint64 now = S;
        g_assert_cmpuint(tries(g, stranger, now), ==, TB_LIMIT_GUESSES);
        g_assert_cmpuint(tries(g, far, now), ==, 0); /* the account's, from wherever */
        g_assert_cmpuint(tries(g, known, now), ==, TB_LIMIT_GUESSES);
        g_assert_cmpuint(tries(g, here, now), ==, TB_LIMIT_GUESSES);
        g_assert_cmpuint(tries(g, neighbour, now), ==, TB_LIMIT_GUESSES);
        now += TB_LIMIT_GUESSES_S * S / TB_LIMIT_GUESSES;
        g_assert_cmpuint(tries(g, stranger, now), ==, 1);
        /* right ones do not count */
        now += TB_LIMIT_GUESSES_S * S;
        for (guint i = 0; i < 100; i++) {
                g_assert_true(tb_guesses_may(g, &stranger, now, NULL));
                tb_guesses_right(g, &stranger, now);
        }
        /* one network that goes through accounts: those who are known there are not its victims */
        now += TB_LIMIT_GUESSES_S * S;
        guint all = 0;
        for (guint i = 0; i < 50; i++) {
                g_autofree char *user = g_strdup_printf("user-%u", i);
                all += tries(g, (TbGuess){user, "10.0.0.9", NULL, false}, now);
        }
        g_assert_cmpuint(all, ==, TB_LIMIT_GUESSES_OF_NET);
        g_assert_cmpuint(tries(g, (TbGuess){"carl", "10.0.0.9", "browser-2", false}, now), ==,
                         TB_LIMIT_GUESSES);
        g_assert_cmpuint(tries(g, (TbGuess){"dora", "10.0.0.8", NULL, false}, now), ==, TB_LIMIT_GUESSES);
        tb_guesses_free(g);
}

/* --- persons --- */
typedef struct World {
        TbAccounts *store;
        TbAuth *tokens;
        TbPeople *people;
        char *folder;
} World;

static World world(void)
{
        World w = {.store = tb_accounts_new(on_change, NULL), .tokens = tb_auth_new()};
        w.folder = g_dir_make_tmp("tb-people-XXXXXX", NULL);
        w.people = tb_people_new(
                &(TbPeopleOptions){.store = w.store, .tokens = w.tokens, .state_dir = w.folder});
        tb_people_set_port(w.people, 5109);
        return w;
}

static void world_end(World *w)
{
        g_autofree char *mark = g_build_filename(w->folder, TB_PEOPLE_FILE, NULL);
        tb_people_free(w->people);
        tb_accounts_free(w->store);
        tb_auth_unref(w->tokens);
        g_unlink(mark);
        g_assert_cmpint(g_rmdir(w->folder), ==, 0);
        g_free(w->folder);
        tb_server_limits.login_idle_s = TB_LIMIT_LOGIN_IDLE_S;
        tb_server_limits.logins_each = TB_LIMIT_LOGINS_EACH;
}

static void put(World *w, const char *name, TbRole role, const char *groups)
{
        g_auto(GStrv) list = tb_accounts_words(groups);
        tb_accounts_put_user(
                w->store,
                &(TbUser){.name = (char *)name, .role = role, .groups = list, .password = (char *)"x"});
}

static TbRole role_of(World *w, TbShown shown, const char *host, const char *device)
{
        TbCaller caller = {NULL};
        shown.peer = "10.0.0.1";
        bool known = tb_people_identify(&shown, &caller, NULL, w->people);
        TbRole role = known ? tb_caller_role(&caller, host, device) : TB_ROLE_NONE;
        tb_caller_clear(&caller);
        return role;
}

static char *cookies_of(const char *token)
{
        return g_strdup_printf("other=1; testbed-login-5109=%s; testbed-login-1=x", token);
}

static void logins(void)
{
        World w = world();
        g_autofree char *page = NULL, *own = NULL, *browser = NULL;
        put(&w, "anna", TB_ROLE_OPERATOR, "");
        const TbLogin *a = tb_people_sign_in(w.people, "anna", TB_LOGIN_PAGE, "Firefox", "10.0.0.1",
                                             TB_LIMIT_LOGIN_MAX_S, &page);
        g_autofree char *id = g_strdup(a->id), *cookies = cookies_of(page);
        tb_people_sign_in(w.people, "anna", TB_LOGIN_TOKEN, "ci", "10.0.0.1", TB_LIMIT_LOGIN_TOKEN_S, &own);
        tb_people_sign_in(w.people, "anna", TB_LOGIN_BROWSER, "Firefox", "10.0.0.1", 1000, &browser);
        g_autofree char *swapped = cookies_of(own),
                        *known = g_strconcat("testbed-browser-5109=", browser, NULL);
        g_assert_cmpint(role_of(&w, (TbShown){.cookies = cookies}, "lab", NULL), ==, TB_ROLE_OPERATOR);
        g_assert_cmpint(role_of(&w, (TbShown){.token = own}, "lab", NULL), ==, TB_ROLE_OPERATOR);
        /* each kind opens by its own way alone */
        g_assert_cmpint(role_of(&w, (TbShown){.token = page}, "lab", NULL), ==, TB_ROLE_NONE);
        g_assert_cmpint(role_of(&w, (TbShown){.token = browser}, "lab", NULL), ==, TB_ROLE_NONE);
        g_assert_cmpint(role_of(&w, (TbShown){.cookies = swapped}, "lab", NULL), ==, TB_ROLE_NONE);
        g_assert_nonnull(tb_people_browser(w.people, known, "anna"));
        g_assert_null(tb_people_browser(w.people, known, "bert"));
        g_assert_true(tb_people_is_here(w.people, "anna", "10.0.0.1"));
        g_assert_false(tb_people_is_here(w.people, "anna", "10.0.0.2"));
        /* for long unused, it ends; the other way too, and with it the rest of what he has */
        tb_server_limits.login_idle_s = 0;
        g_assert_cmpint(role_of(&w, (TbShown){.cookies = cookies}, "lab", NULL), ==, TB_ROLE_NONE);
        tb_people_tick(w.people, 100000);
        g_assert_null(tb_accounts_login(w.store, id));
        g_assert_cmpuint(tb_people_sign_out(w.people, "anna", NULL), ==, 1);
        g_assert_cmpint(role_of(&w, (TbShown){.token = own}, "lab", NULL), ==, TB_ROLE_NONE);
        g_assert_nonnull(tb_people_browser(w.people, known, "anna"));
        g_assert_true(tb_accounts_remove_user(w.store, "anna"));
        g_assert_null(tb_people_browser(w.people, known, "anna"));
        world_end(&w);
}

static void on_gone(const char *id, gpointer data)
{
        g_string_append_printf(data, "%s ", id);
}

/* What a page opened holds as long as its sign-in was used within the time; whoever ends one, it is told. */
static void login_ends(void)
{
        World w = world();
        TbCaller caller = {NULL};
        g_autofree char *token = NULL, *other = NULL, *own = NULL;
        g_autoptr(GString) gone = g_string_new(NULL);
        put(&w, "anna", TB_ROLE_OPERATOR, "");
        tb_accounts_on_login_gone(w.store, on_gone, gone);
        const TbLogin *a = tb_people_sign_in(w.people, "anna", TB_LOGIN_PAGE, "", "10.0.0.1",
                                             TB_LIMIT_LOGIN_MAX_S, &token);
        g_autofree char *id = g_strdup(a->id), *cookies = cookies_of(token);
        gint64 used_ms = a->last_ms;
        tb_server_limits.login_idle_s = 100;
        const TbShown shown = {.cookies = cookies, .peer = "10.0.0.1"};
        g_assert_true(tb_people_identify(&shown, &caller, NULL, w.people));
        g_assert_cmpint(caller.until_ms, ==, used_ms + 100000);
        tb_accounts_login_seen(w.store, id, "10.0.0.1", used_ms + 70000);
        g_assert_cmpint(tb_people_holds(id, w.people), ==, used_ms + 170000);
        tb_server_limits.login_idle_s = G_MAXUINT / 2;
        g_assert_cmpint(tb_people_holds(id, w.people), ==, a->expires_ms);
        const TbLogin *t = tb_people_sign_in(w.people, "anna", TB_LOGIN_TOKEN, "ci", "10.0.0.1", 1000, &own);
        tb_server_limits.login_idle_s = 1;
        g_assert_cmpint(tb_people_holds(t->id, w.people), ==, t->expires_ms);
        /* ended by hand, by one too many, by time, with its user */
        g_autofree char *rest = g_strdup(t->id);
        g_assert_true(tb_accounts_remove_login(w.store, id));
        g_assert_cmpint(tb_people_holds(id, w.people), ==, 0);
        tb_server_limits.logins_each = 1;
        const TbLogin *b = tb_people_sign_in(w.people, "anna", TB_LOGIN_PAGE, "", "10.0.0.1", 1000, &other);
        g_autofree char *last = g_strdup(b->id);
        g_assert_true(tb_accounts_remove_user(w.store, "anna"));
        g_autofree char *all = g_strdup_printf("%s %s %s ", id, rest, last);
        g_assert_cmpstr(gone->str, ==, all);
        tb_caller_clear(&caller);
        world_end(&w);
}

static void many(void)
{
        World w = world();
        put(&w, "anna", TB_ROLE_VIEWER, "");
        for (guint i = 0; i < TB_LIMIT_LOGINS_EACH + 5; i++) {
                g_autofree char *token = NULL;
                tb_people_sign_in(w.people, "anna", TB_LOGIN_PAGE, "", "10.0.0.1", 1000, &token);
        }
        g_autoptr(GPtrArray) all = tb_accounts_list_logins(w.store, "anna");
        g_assert_cmpuint(all->len, ==, TB_LIMIT_LOGINS_EACH);
        world_end(&w);
}

static void groups(void)
{
        World w = world();
        char *boards[] = {(char *)"lab-1/board", (char *)"lab-2/*", NULL};
        g_autofree char *token = NULL;
        tb_accounts_put_group(
                w.store, &(TbGroup){.name = (char *)"boards", .role = TB_ROLE_OPERATOR, .devices = boards});
        put(&w, "anna", TB_ROLE_OPERATOR, "boards gone");
        tb_people_sign_in(w.people, "anna", TB_LOGIN_TOKEN, "", "", 1000, &token);
        const TbShown shown = {.token = token};
        g_assert_cmpint(role_of(&w, shown, "lab-1", "board"), ==, TB_ROLE_OPERATOR);
        g_assert_cmpint(role_of(&w, shown, "lab-1", "phone"), ==, TB_ROLE_NONE);
        g_assert_cmpint(role_of(&w, shown, "lab-2", NULL), ==, TB_ROLE_OPERATOR);
        put(&w, "anna", TB_ROLE_VIEWER, "boards");
        g_assert_cmpint(role_of(&w, shown, "lab-2", NULL), ==, TB_ROLE_VIEWER);
        tb_accounts_remove_group(w.store, "boards");
        g_assert_cmpint(role_of(&w, shown, "lab-1", "board"), ==, TB_ROLE_NONE);
        put(&w, "anna", TB_ROLE_VIEWER, "");
        g_assert_cmpint(role_of(&w, shown, "lab-9", NULL), ==, TB_ROLE_VIEWER);
        world_end(&w);
}

static void administrators(void)
{
        World w = world();
        put(&w, "anna", TB_ROLE_ADMIN, "");
        g_assert_false(tb_people_has_admin_without(w.people, "anna", TB_ROLE_OPERATOR));
        put(&w, "bert", TB_ROLE_ADMIN, "");
        g_assert_true(tb_people_has_admin_without(w.people, "anna", TB_ROLE_NONE));
        tb_accounts_remove_user(w.store, "bert");
        g_assert_true(tb_auth_add(w.tokens, "ops", "0123456789abcdef", TB_ROLE_ADMIN, NULL));
        g_assert_true(tb_people_has_admin_without(w.people, "anna", TB_ROLE_NONE));
        g_assert_true(tb_people_is_taken(w.people, "ops") && tb_people_is_taken(w.people, "local"));
        g_assert_false(tb_people_is_taken(w.people, "anna"));
        /* there are accounts: also before a restart that finds none */
        g_autofree char *mark = g_build_filename(w.folder, TB_PEOPLE_FILE, NULL);
        tb_people_close(w.people);
        g_assert_true(g_file_test(mark, G_FILE_TEST_EXISTS));
        tb_auth_remove(w.tokens, "0123456789abcdef");
        g_assert_false(tb_auth_is_open(w.tokens));
        world_end(&w);
}

static void cookies(void)
{
        World w = world();
        g_autofree char *set = tb_people_cookie(w.people, TB_LOGIN_PAGE, "abc", "/lab/", true),
                        *end = tb_people_cookie(w.people, TB_LOGIN_PAGE, NULL, "/", false);
        g_assert_cmpstr(
                set, ==,
                "testbed-login-5109=abc; Path=/lab/; HttpOnly; SameSite=Strict; Max-Age=2592000; Secure");
        g_assert_cmpstr(end, ==, "testbed-login-5109=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
        world_end(&w);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_test_add_func("/password/good", good_passwords);
        g_test_add_func("/password/hashes", hashes);
        g_test_add_func("/password/queue", queue);
        g_test_add_func("/guesses", guesses);
        g_test_add_func("/people/logins", logins);
        g_test_add_func("/people/login-ends", login_ends);
        g_test_add_func("/people/many", many);
        g_test_add_func("/people/groups", groups);
        g_test_add_func("/people/administrators", administrators);
        g_test_add_func("/people/cookies", cookies);
        int code = g_test_run();
        tb_main_stop();
        return code;
}
