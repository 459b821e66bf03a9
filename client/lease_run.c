/* A program that runs while the device is ours: heartbeats, signals, its end, and the end of the lease. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "client/keeper.h"
#include "client/lease.h"
#include "client/out.h"
#include "client/settings.h"
#include "client/signals.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/net.h"

#define NO_PROGRAM 127 /* as shells say it */

typedef struct Run {
        TbCli *cli;            /* borrowed */
        const TbCliDevice *d;  /* borrowed */
        TbCliSignals *signals; /* owned */
        GMainLoop *loop;
        GPid pid; /* the keeper's; 0: it has ended, and the program with it */
        int told; /* the signal that ended it before there was a program; 0: none */
        int status;
        guint beat;           /* source */
        GCancellable *cancel; /* of a heartbeat under way; ref */
        gint64 ttl_ms, until; /* by the boot clock: when the lease ends if nothing is heard */
        char *lost;           /* why; NULL: it is ours */
} Run;

static void lose(Run *r, const char *why)
{
        if (r->lost || !r->pid)
                return;
        r->lost = g_strdup(why);
        tb_cli_say("%s: the lease is lost: %s; the program is told to end", r->d->name, why);
        kill(r->pid, SIGTERM);
}

/* --- heartbeats --- */
static void on_answer(GObject *source, GAsyncResult *result, gpointer data)
{
        g_autoptr(GError) why = NULL;
        SoupSession *session = SOUP_SESSION(source);
        g_autoptr(GBytes) body = soup_session_send_and_read_finish(session, result, &why);
        if (g_error_matches(why, G_IO_ERROR, G_IO_ERROR_CANCELLED))
                return; /* the run is over */
        Run *r = data;
        SoupMessage *m = soup_session_get_async_result_message(session, result);
        int status = body ? (int)soup_message_get_status(m) : 0;
        g_clear_object(&r->cancel);
        if (status >= 200 && status < 300)
                r->until = tb_clock_mono_ms() + r->ttl_ms;
        else if (status == 410)
                lose(r, "it has ended");
        else if (status == 423)
                lose(r, "somebody else has the device now");
        else if (status == 401 || status == 403 || status == 404)
                lose(r, tb_status_title(status));
}

/* A host that is away for a moment took nothing from us: the lease ends when its time is over. */
static gboolean on_beat(gpointer data)
{
        Run *r = data;
        if (tb_clock_mono_ms() > r->until)
                lose(r, "the host did not answer in time");
        if (r->cancel || r->lost)
                return G_SOURCE_CONTINUE;
        const TbCliRequest request = {.method = "PUT", .device = r->d, .path = "/lease"};
        g_autoptr(SoupMessage) m = tb_cli_message(r->cli, &request, NULL);
        r->cancel = g_cancellable_new();
        soup_session_set_timeout(tb_cli_session(r->cli), (guint)MAX(r->ttl_ms / 3000, 1));
        soup_session_send_and_read_async(tb_cli_session(r->cli), m, G_PRIORITY_DEFAULT, r->cancel, on_answer,
                                         r);
        return G_SOURCE_CONTINUE;
}

/* --- the program --- */
static void on_exit_of(GPid pid G_GNUC_UNUSED, gint status, gpointer data)
{
        Run *r = data;
        r->status = status;
        r->pid = 0;
        g_main_loop_quit(r->loop);
}

/* The terminal sends Ctrl-C to the program as well: what that means is the program's matter. */
static void on_signal(int number, gpointer data)
{
        Run *r = data;
        if (!r->pid)
                r->told = number;
        else if (number != SIGINT)
                kill(r->pid, SIGTERM);
}

/* "4001" or "ADDRESS:4001" as the host listens, as a program here reaches it. NULL: it does not, or the port is closed. */
static char *reachable(const TbCli *cli, const json_t *port)
{
        g_autoptr(GUri) uri = g_uri_parse(cli->settings->url, G_URI_FLAGS_NONE, NULL);
        const char *listen = json_string_value(json_object_get(port, "listen")), *host = g_uri_get_host(uri);
        g_autofree char *address = NULL;
        guint16 number = 0;
        if (!listen || json_is_false(json_object_get(port, "open")) || cli->settings->server ||
            !tb_net_endpoint_parse(listen, &address, &number, NULL))
                return NULL;
        bool local = address && tb_address_is_loopback(address),
             any = !address || strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
        if (local && !tb_address_is_loopback(host))
                return NULL;
        const char *at = local || any ? host : address;
        bool v6 = strchr(at, ':') != NULL;
        return g_strdup_printf("%s%s%s:%u", v6 ? "[" : "", at, v6 ? "]" : "", number);
}

static char **add_ports(TbCli *cli, const TbCliDevice *console, char **env)
{
        static const char *const ports[][2] = {{"rfc2217", "TESTBED_RFC2217"}, {"tcp", "TESTBED_TCP"}};
        const TbCliRequest request = {.method = "GET", .device = console};
        json_auto_t *shown = tb_cli_ask(cli, &request, NULL, NULL);
        for (guint i = 0; i < G_N_ELEMENTS(ports); i++) {
                g_autofree char *at = reachable(cli, json_object_get(shown, ports[i][0]));
                env = at ? g_environ_setenv(env, ports[i][1], at, TRUE)
                         : g_environ_unsetenv(env, ports[i][1]);
        }
        return env;
}

/* Of the first console. */
static char **add_console(TbCli *cli, const TbCliDevice *d, char **env)
{
        const TbCliRequest request = {.method = "GET", .device = d};
        json_auto_t *device = tb_cli_ask(cli, &request, NULL, NULL);
        size_t i;
        json_t *each;
        json_array_foreach (json_object_get(device, "interfaces"), i, each) {
                const char *name = json_string_value(json_object_get(each, "name"));
                if (!name || g_strcmp0(json_string_value(json_object_get(each, "kind")), "console") != 0)
                        continue;
                TbCliDevice console = *d; /* borrowed but for its interface */
                g_autofree char *interface = console.interface = g_strdup(name);
                return add_ports(cli, &console, env);
        }
        return env;
}

/* A token goes on as it came: from the environment, from client.yaml, or as the name of its file. */
static char **environment(TbCli *cli, const TbCliDevice *d)
{
        const TbCliSettings *s = cli->settings;
        char **env = g_get_environ();
        g_autofree char *url = tb_cli_url(cli, &(TbCliRequest){.device = d});
        bool server = s->server &&
                      !s->entry; /* a name of client.yaml says what it is the name of, and has the token */
        env = g_environ_unsetenv(env, server ? "TESTBED_HOST" : "TESTBED_SERVER");
        env = g_environ_setenv(env, server ? "TESTBED_SERVER" : "TESTBED_HOST", s->entry ? s->entry : s->url,
                               TRUE);
        env = g_environ_setenv(env, "TESTBED_DEVICE", d->name, TRUE);
        env = g_environ_setenv(env, "TESTBED_LEASE", s->lease, TRUE);
        env = g_environ_setenv(env, "TESTBED_LEASED", d->name, TRUE);
        env = g_environ_setenv(env, "TESTBED_URL", url, TRUE);
        if (s->token_file && tb_cli_text(cli, "token-file")) {
                env = g_environ_unsetenv(env, "TESTBED_TOKEN");
                env = g_environ_setenv(env, "TESTBED_TOKEN_FILE", s->token_file, TRUE);
        }
        if (s->ca)
                env = g_environ_setenv(env, "TESTBED_CA", s->ca, TRUE);
        return add_console(cli, d, env);
}

static int code_of(const Run *r)
{
        if (WIFSIGNALED(r->status))
                return 128 + WTERMSIG(r->status);
        return WEXITSTATUS(r->status);
}

static void run_loop(Run *r)
{
        g_child_watch_add(r->pid, on_exit_of, r);
        r->beat = g_timeout_add((guint)MAX(r->ttl_ms / 3, 300), on_beat, r);
        g_main_loop_run(r->loop);
        g_source_remove(r->beat);
        if (r->cancel)
                g_cancellable_cancel(r->cancel);
        g_clear_object(&r->cancel);
}

/* With the lease in hand no signal ends us any more but by giving it back, also before there is a program. */
static int run(Run *r)
{
        int code = TB_CLI_FAILED;
        g_autoptr(GError) why = NULL;
        g_auto(GStrv) env = environment(r->cli, r->d);
        tb_cli_signals_tell(r->signals);
        if (r->told)
                return 128 + r->told;
        r->pid = tb_cli_keeper_start(r->cli->rest, env, &code, &why);
        if (!r->pid) {
                tb_cli_say("%s", tb_error_detail(why));
                return code;
        }
        run_loop(r);
        return code_of(r);
}

int tb_cli_lease_run(TbCli *cli, const TbCliDevice *d, GError **error)
{
        g_autofree char *program = g_find_program_in_path(*cli->rest);
        if (!program) { /* nobody waits for a device to learn this */
                tb_cli_say("%s: there is no such program", *cli->rest);
                return NO_PROGRAM;
        }
        double ttl_s = tb_cli_number(cli, "ttl", 60);
        bool riding = false;
        if (!tb_cli_lease_take(cli, d, ttl_s, &riding, error))
                return TB_CLI_FAILED;
        Run r = {.cli = cli,
                 .d = d,
                 .ttl_ms = (gint64)ttl_s * 1000,
                 .until = tb_clock_mono_ms() + (gint64)ttl_s * 1000};
        r.signals = tb_cli_signals_new(on_signal, &r);
        r.loop = g_main_loop_new(NULL, FALSE);
        int code = run(&r);
        g_autoptr(GError) why = NULL;
        if (!r.lost && !riding && !tb_cli_lease_release(cli, d, &why))
                tb_cli_say("%s: the lease was not given back, it ends by itself: %s", d->name,
                           tb_error_detail(why));
        if (r.lost) {
                tb_set_error(error, TB_ERROR_LOCKED, "%s: the lease was lost while the program ran: %s",
                             d->name, r.lost);
                code = TB_CLI_LEASED;
        }
        g_free(r.lost);
        g_main_loop_unref(r.loop);
        tb_cli_signals_free(r.signals);
        return code;
}
