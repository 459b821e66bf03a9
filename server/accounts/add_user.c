#include "server/accounts/add_user.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/name.h"
#include "server/accounts/password.h"
#include "server/accounts/people.h"
#include "server/store/sql.h"

#define STORE_FILE "server.db"

static bool read_line(const char *prompt, char *line, int size)
{
        struct termios before, quiet;
        bool tty = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
        if (tty) {
                quiet = before;
                quiet.c_lflag &= ~(tcflag_t)ECHO;
                tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
                fprintf(stderr, "%s: ", prompt);
        }
        bool ok = fgets(line, size, stdin) != NULL;
        if (tty) {
                tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
                fputc('\n', stderr);
        }
        line[ok ? strcspn(line, "\r\n") : 0] = '\0';
        return ok;
}

static bool read_password(const char *name, char *password, int size, GError **error)
{
        char again[4 * TB_LIMIT_PASSWORD + 3] = "";
        if (!read_line("Password", password, size)) {
                tb_set_error(error, TB_ERROR_INVALID, "no password came: give it as a line of stdin");
                return false;
        }
        if (!tb_password_is_good(password, name, error))
                return false;
        bool same = !isatty(STDIN_FILENO) ||
                    (read_line("Again", again, sizeof again) && strcmp(again, password) == 0);
        tb_password_wipe(again);
        if (!same)
                tb_set_error(error, TB_ERROR_INVALID, "the two are not the same");
        return same;
}

static TbDbCall *call_of(const char *statement, const TbUser *user)
{
        TbDbCall *call = tb_db_call_new();
        if (user)
                tb_accounts_write_user(user, call);
        else
                tb_db_statement(call, statement);
        return call;
}

/* Of two whose names differ by their case alone nobody sees which is which: that one is set, or another name is taken. */
static bool is_taken(const TbDbResult *users, const char *name, GError **error)
{
        for (guint i = 0; i < tb_db_rows(users); i++) {
                const char *other = tb_db_get_text(users, i, 0);
                if (!other || g_ascii_strcasecmp(other, name) != 0 || strcmp(other, name) == 0)
                        continue;
                tb_set_error(error, TB_ERROR_INVALID,
                             "there is an account \"%s\" already, which differs by its case alone: take "
                             "another name, or that one",
                             other);
                return true;
        }
        return false;
}

static bool write_user(const TbServerConfig *config, const TbUser *user, GError **error)
{
        g_autofree char *file = g_build_filename(config->state_dir, STORE_FILE, NULL);
        const TbDbEngine *engine = tb_db_engine_of(config->database, error);
        const char *where = config->database ? config->database : file;
        TbDbResult *users = NULL;
        if (!engine || (!config->database && g_mkdir_with_parents(config->state_dir, 0700) < 0))
                return false;
        bool ok = tb_db_run_now(engine, where, call_of(tb_sql_user_list, NULL), &users, error) &&
                  !is_taken(users, user->name, error) &&
                  tb_db_run_now(engine, where, call_of(NULL, user), NULL, error);
        if (users)
                tb_db_result_free(users);
        return ok;
}

char *tb_add_user(const TbServerConfig *config, const char *name, const char *role, GError **error)
{
        char password[4 * TB_LIMIT_PASSWORD + 3] = "", *none[] = {NULL}, *said = NULL;
        TbUser user = {.name = (char *)name,
                       .groups = none,
                       .created_ms = tb_clock_ms(),
                       .password_ms = tb_clock_ms()};
        if (!tb_name_valid(TB_NAME_HOST, name))
                tb_set_error(error, TB_ERROR_INVALID, "a name has %s", tb_name_rule(TB_NAME_HOST));
        else if (!tb_role_parse(role ? role : "viewer", &user.role))
                tb_set_error(error, TB_ERROR_INVALID, "a role is viewer, operator or admin");
        else if (tb_auth_resembles(config->auth, name) || g_ascii_strcasecmp(name, "local") == 0)
                tb_set_error(error, TB_ERROR_INVALID,
                             "\"%s\" is the name of a token of the configuration: take another one", name);
        else if (read_password(name, password, sizeof password, error) &&
                 !(user.password = tb_password_hash_now(password)))
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "there is no memory left for it");
        tb_password_wipe(password);
        if (user.password && write_user(config, &user, error)) {
                TbPeople *people = tb_people_new(
                        &(TbPeopleOptions){.tokens = config->auth, .state_dir = config->state_dir});
                tb_people_close(people);
                tb_people_free(people);
                said = g_strdup_printf(
                        "%s may sign in, as %s. A server that runs knows it after SIGHUP (systemctl "
                        "reload testbed-server)",
                        name, tb_role_name(user.role));
        }
        g_free(user.password);
        return said;
}
