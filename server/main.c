/* testbed-server: arguments, configuration, signals. */
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/descriptors.h"
#include "lib/error.h"
#include "lib/http/probe.h"
#include "lib/log.h"
#include "lib/reload.h"
#include "lib/service.h"
#include "lib/thread.h"
#include "lib/tls_local.h"
#include "lib/version.h"
#include "server/accounts/add_user.h"
#include "server/accounts/audit_verify.h"
#include "server/config.h"
#include "server/pairing/persist.h"
#include "server/several.h"
#include "server/store/backup.h"
#include "server/store/db.h"
#include "server/store/import.h"

#define GRACE_MS 2500 /* for answers under way after SIGTERM */

typedef struct Run {
        TbServerConfig *config;       /* borrowed; what runs */
        const char *file, *state_dir; /* as they were given */
        bool insecure;
        TbSeveral *several; /* borrowed */
        GMainLoop *loop;    /* borrowed */
        bool stopping;
} Run;

static void on_stopped(gpointer data)
{
        g_main_loop_quit(((Run *)data)->loop);
}

static gboolean on_signal(gpointer data)
{
        Run *run = data;
        if (!run->stopping) {
                run->stopping = true;
                tb_log(TB_LOG_INFO, TB_F(), "stopping");
                tb_service_stopping();
                tb_several_stop(run->several, GRACE_MS, on_stopped, run);
        }
        return G_SOURCE_CONTINUE;
}

static TbReload reload_of(const TbServerConfig *c)
{
        return (TbReload){c->auth, c->tls, c->log_level, c->prints};
}

static gboolean on_hangup(gpointer data)
{
        static const char *const hosts[] = {"hosts", NULL};
        Run *run = data;
        g_autoptr(GError) error = NULL;
        g_autoptr(TbServerConfig) fresh =
                tb_server_config_load(run->file, run->state_dir, run->insecure, &error);
        if (!fresh || !tb_tls_local_take(fresh->local_tls, fresh->state_dir, true, &fresh->tls, &error)) {
                tb_log(TB_LOG_ERROR, TB_F(), "the configuration stays as it was: %s", tb_error_detail(error));
                return G_SOURCE_CONTINUE;
        }
        TbReload now = reload_of(run->config), next = reload_of(fresh);
        g_auto(GStrv) hosts_gone = tb_auth_exchange(run->config->hosts, fresh->hosts);
        g_auto(GStrv) gone = tb_reload_take(&now, &next, hosts);
        TbServer *server = tb_several_server(run->several); /* else another has the state */
        if (server) {
                tb_server_end_users(server, (const char *const *)gone, (const char *const *)hosts_gone);
                tb_server_read_users(server);
        }
        return G_SOURCE_CONTINUE;
}

static int serve(Run *run)
{
        const TbServerConfig *config = run->config;
        g_autoptr(GError) error = NULL;
        tb_service_init();
        tb_main_init(NULL);
        tb_descriptors_init();
        TbSeveral *several = tb_several_new(config, &error);
        if (!several) {
                tb_log(TB_LOG_ERROR, TB_F(), "%s", tb_error_detail(error));
                tb_main_stop();
                return 1;
        }
        /* before "listening" is said: who waits for that may end us at once */
        g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
        run->several = several;
        run->loop = loop;
        guint term = g_unix_signal_add(SIGTERM, on_signal, run),
              interrupt = g_unix_signal_add(SIGINT, on_signal, run),
              hangup = g_unix_signal_add(SIGHUP, on_hangup, run);
        bool v6 = strchr(config->address, ':') != NULL;
        g_autofree char *url =
                g_strdup_printf("%s://%s%s%s:%u", config->tls ? "https" : "http", v6 ? "[" : "",
                                config->address, v6 ? "]" : "", tb_several_port(several));
        g_autofree char *tls = config->tls ? tb_tls_about(config->tls) : NULL;
        tb_log(TB_LOG_INFO, TB_F("url", url, "version", tb_version, "tls", tls), "listening");
        tb_service_ready();
        g_main_loop_run(loop);
        g_source_remove(term);
        g_source_remove(interrupt);
        g_source_remove(hangup);
        tb_several_free(several);
        tb_main_stop();
        return 0;
}

/* What is done beside a server that runs. */
static int migrate(const TbServerConfig *config)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *file = g_build_filename(config->state_dir, TB_PERSIST_FILE, NULL);
        const TbDbEngine *engine = tb_db_engine_of(config->database, NULL); /* known: of the configuration */
        gint64 schema = 0;
        if (!engine ||
            !tb_db_migrate_now(engine, config->database ? config->database : file, &schema, &error)) {
                fprintf(stderr, "testbed-server: %s\n", error ? tb_error_detail(error) : "no such store");
                return 1;
        }
        printf("the store is of schema %d\n", (int)schema);
        return 0;
}

static int import(const TbServerConfig *config, const char *from)
{
        g_autoptr(GError) error = NULL;
        guint64 rows = 0;
        if (!config->database)
                tb_set_error(&error, TB_ERROR_INVALID,
                             "the store is a file: copy %s there as " TB_PERSIST_FILE
                             " (DATABASE_URL or database: url names the database to import into)",
                             from);
        else
                tb_db_import(from, tb_db_engine_of(config->database, NULL), config->database, &rows, &error);
        if (error) {
                fprintf(stderr, "testbed-server: %s\n", tb_error_detail(error));
                return 1;
        }
        printf("%s is in the database now: %" G_GUINT64_FORMAT " rows\n", from, rows);
        return 0;
}

static int make_account(const TbServerConfig *config, const char *name, const char *role)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *said = tb_add_user(config, name, role, &error);
        if (said)
                printf("%s\n", said);
        else
                fprintf(stderr, "testbed-server: %s\n", tb_error_detail(error));
        return said ? 0 : 1;
}

static int verify_audit(const TbServerConfig *config, const char *head)
{
        g_autoptr(GError) error = NULL;
        bool good = false;
        g_autofree char *said = tb_audit_verify(config, head, &good, &error);
        if (said)
                printf("%s\n", said);
        else
                fprintf(stderr, "testbed-server: %s\n", tb_error_detail(error));
        return !said ? 1 : good ? 0 : 3;
}

static int rotate_keys(const TbServerConfig *config)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *file = g_build_filename(config->state_dir, TB_PERSIST_FILE, NULL);
        guint n = 0;
        if (!config->recordings.keys)
                tb_set_error(&error, TB_ERROR_INVALID,
                             "there is no master key of recordings: recordings.key_file, or "
                             "TESTBED_RECORDINGS_KEY");
        else
                tb_recordings_rotate(tb_db_engine_of(config->database, NULL),
                                     config->database ? config->database : file, config->recordings.keys, &n,
                                     &error);
        if (error) {
                fprintf(stderr, "testbed-server: %s (%u keys were sealed anew before that)\n",
                        tb_error_detail(error), n);
                return 1;
        }
        printf("%u keys of recordings are sealed by the master key %s now: no other is needed any more\n", n,
               tb_seal_keys_id(config->recordings.keys));
        return 0;
}

typedef struct Beside {
        gboolean migrates, verifies, rotates;
        char *head, *add_user, *role, *imported; /* owned */
} Beside;

/* Whether that was all there was to do; *ret is how it ends. */
static bool done_beside(const TbServerConfig *config, const Beside *b, int *ret)
{
        if (b->migrates)
                *ret = migrate(config);
        else if (b->verifies)
                *ret = verify_audit(config, b->head);
        else if (b->add_user)
                *ret = make_account(config, b->add_user, b->role);
        else if (b->imported)
                *ret = import(config, b->imported);
        else if (b->rotates)
                *ret = rotate_keys(config);
        return b->migrates || b->verifies || b->add_user || b->imported || b->rotates;
}

static void beside_clear(Beside *b)
{
        g_free(b->head);
        g_free(b->add_user);
        g_free(b->role);
        g_free(b->imported);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Beside, beside_clear)

static int ask(const TbServerConfig *config, const char *backup)
{
        if (backup && config->database) {
                fprintf(stderr, "testbed-server: the store is a database of PostgreSQL: pg_dump copies it\n");
                return 1;
        }
        g_autoptr(GError) error = NULL;
        g_autofree char *store = g_build_filename(config->state_dir, TB_PERSIST_FILE, NULL);
        bool ok = backup ? tb_db_backup(store, backup, &error)
                         : tb_probe(config->address, config->port, config->tls, "/health", &error);
        if (!ok)
                fprintf(stderr, "testbed-server: %s%s\n", tb_error_detail(error),
                        backup && g_access(store, F_OK) != 0
                                ? " (which state it is says --state-dir; of the package's "
                                  "unit it is /var/lib/testbed-server)"
                                : "");
        else if (backup)
                printf("%s is a copy of %s\n", backup, store);
        return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
        tb_descriptors_standard();
        g_autofree char *file = NULL, *state_dir = NULL, *backup = NULL;
        g_auto(Beside) beside = {0};
        gboolean check = FALSE, health = FALSE, insecure = FALSE, version = FALSE, json = FALSE;
        int port = -1, rc;
        const GOptionEntry entries[] = {
                {"config", 'c', 0, G_OPTION_ARG_FILENAME, &file,
                 "configuration (default: /etc/testbed/server.yaml)", "FILE"},
                {"check", 0, 0, G_OPTION_ARG_NONE, &check, "validate the configuration and exit", NULL},
                {"backup", 0, 0, G_OPTION_ARG_FILENAME, &backup,
                 "copy what the server keeps into a new file, also while it runs, and exit", "FILE"},
                {"migrate", 0, 0, G_OPTION_ARG_NONE, &beside.migrates,
                 "bring the store up to this version, as the start does, and exit", NULL},
                {"import", 0, 0, G_OPTION_ARG_FILENAME, &beside.imported,
                 "copy what a server kept in FILE (server.db) into the database of this configuration, and "
                 "exit",
                 "FILE"},
                {"add-user", 0, 0, G_OPTION_ARG_STRING, &beside.add_user,
                 "make an account (or give one another password, read from the terminal or stdin), and exit",
                 "NAME"},
                {"role", 0, 0, G_OPTION_ARG_STRING, &beside.role, "of --add-user: viewer, operator or admin",
                 "ROLE"},
                {"verify-audit", 0, 0, G_OPTION_ARG_NONE, &beside.verifies,
                 "look whether the audit log is what was written, say what is not, and exit (0: it is, 3: "
                 "no)",
                 NULL},
                {"head", 0, 0, G_OPTION_ARG_STRING, &beside.head,
                 "of --verify-audit: a hash that was noted elsewhere and must be in it", "HASH"},
                {"rotate-keys", 0, 0, G_OPTION_ARG_NONE, &beside.rotates,
                 "seal the keys of recordings by the first master key, and exit", NULL},
                {"health", 0, 0, G_OPTION_ARG_NONE, &health,
                 "ask the server that runs with this configuration how it is, and exit", NULL},
                {"port", 'p', 0, G_OPTION_ARG_INT, &port, "port to listen on (0: any free one)", "PORT"},
                {"state-dir", 0, 0, G_OPTION_ARG_FILENAME, &state_dir,
                 "where sessions are kept across restarts", "DIR"},
                {"insecure", 0, 0, G_OPTION_ARG_NONE, &insecure, "listen on any address without tokens",
                 NULL},
                {"log-json", 0, 0, G_OPTION_ARG_NONE, &json, "log JSON lines", NULL},
                {"version", 'V', 0, G_OPTION_ARG_NONE, &version, "print the version", NULL},
                G_OPTION_ENTRY_NULL,
        };
        g_autoptr(GOptionContext) context = g_option_context_new("- pairing server of Testbed");
        g_autoptr(GError) error = NULL;
        g_option_context_add_main_entries(context, entries, NULL);
        if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 1 || port > 65535) {
                fprintf(stderr, "testbed-server: %s (try --help)\n",
                        error      ? error->message
                        : argc > 1 ? "too many arguments"
                                   : "no such port");
                return 2;
        }
        if (version) {
                printf("testbed-server %s\n", tb_version);
                return 0;
        }
        g_autoptr(TbServerConfig) config = tb_server_config_load(file, state_dir, insecure, &error);
        if (!config) {
                fprintf(stderr, "%s\n", tb_error_detail(error));
                return 1;
        }
        if (check)
                return 0;
        if (port >= 0)
                config->port = (guint16)port;
        if (done_beside(config, &beside, &rc))
                return rc;
        if (!backup && !health)
                tb_log_init(config->log_level, json);
        if (!tb_tls_local_take(config->local_tls, config->state_dir, !backup && !health, &config->tls,
                               &error)) {
                fprintf(stderr, "testbed-server: %s\n", tb_error_detail(error));
                return 1;
        }
        if (backup || health)
                return ask(config, backup);
        tb_server_limits = config->limits;
        signal(SIGHUP, SIG_IGN); /* until there is something to read again */
        Run run = {.config = config, .file = file, .state_dir = state_dir, .insecure = insecure};
        return serve(&run);
}
