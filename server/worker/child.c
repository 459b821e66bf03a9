/* The decoder's process: this program once more, with nothing of ours in its environment. */
#include <gio/gio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "server/worker/worker.h"

#define RENEW_S (TB_LIMIT_JOB_LEASE_S / 4)
#define VERDICT_BYTES (4 * TB_LIMIT_EVENT_TEXT) /* as JSON */

typedef struct Look {
        GMainLoop *loop;
        GSubprocess *child;
        GBytes *out;   /* owned; what it said */
        GError *error; /* owned */
        bool (*renew)(gpointer data);
        gpointer data;
        guint timeout_s;
} Look;

static void dies_with_us(gpointer data G_GNUC_UNUSED)
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void on_end(GObject *child, GAsyncResult *result, gpointer data)
{
        Look *l = data;
        GError *error = NULL;
        if (!g_subprocess_communicate_finish(G_SUBPROCESS(child), result, &l->out, NULL, &error)) {
                if (l->error)
                        g_error_free(error);
                else
                        l->error = error;
        }
        g_main_loop_quit(l->loop);
}

static gboolean on_timeout(gpointer data)
{
        Look *l = data;
        if (!l->error)
                l->error = g_error_new(TB_ERROR, TB_ERROR_TIMEOUT, "the clip was not decoded in %u s",
                                       l->timeout_s);
        g_subprocess_force_exit(l->child);
        return G_SOURCE_CONTINUE;
}

static gboolean on_renew(gpointer data)
{
        Look *l = data;
        if (!l->renew(l->data)) {
                if (!l->error)
                        l->error = g_error_new_literal(TB_ERROR, TB_ERROR_INTERRUPTED,
                                                       "the job is not ours any more");
                g_subprocess_force_exit(l->child);
        }
        return G_SOURCE_CONTINUE;
}

static json_t *verdict_of(Look *l, GError **error)
{
        gsize size = 0;
        const char *text = l->out ? g_bytes_get_data(l->out, &size) : NULL;
        if (l->error) {
                g_propagate_error(error, g_steal_pointer(&l->error));
                return NULL;
        }
        if (g_subprocess_get_if_signaled(l->child)) {
                tb_set_error(error, TB_ERROR_UNPROCESSABLE,
                             "the clip cannot be decoded: the decoder was ended by signal %d (its limits of "
                             "time and "
                             "memory, or a fault of it)",
                             g_subprocess_get_term_sig(l->child));
                return NULL;
        }
        json_t *out = size && size <= VERDICT_BYTES ? tb_json_parse(text, size, NULL) : NULL;
        const char *why = json_string_value(json_object_get(out, "error"));
        if (json_is_string(json_object_get(out, "summary")))
                return out;
        tb_set_error(error, TB_ERROR_UNPROCESSABLE, "%s",
                     why ? why : "the clip cannot be decoded: the decoder ended");
        json_decref(out);
        return NULL;
}

json_t *tb_worker_look(const char *program, const char *file, const char *prompt, const char *folder,
                       guint frames, guint timeout_s, bool (*renew)(gpointer data), gpointer data,
                       GError **error)
{
        Look l = {.renew = renew, .data = data, .timeout_s = timeout_s};
        g_autoptr(GSubprocessLauncher) launcher =
                g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
        static const char *const secrets[] = {"WORKER_API_TOKEN", "VISION_API_KEY",
                                              "VISION_FALLBACK_API_KEY"};
        g_autofree char *n = g_strdup_printf("%u", frames);
        const char *argv[10] = {program, "--look", file, "--pictures", n};
        gsize at = 5;
        if (folder) {
                argv[at++] = "--pictures-to";
                argv[at++] = folder;
        }
        if (prompt) {
                argv[at++] = "--prompt";
                argv[at++] = prompt;
        }
        for (gsize i = 0; i < G_N_ELEMENTS(secrets); i++)
                g_subprocess_launcher_unsetenv(launcher, secrets[i]);
        g_subprocess_launcher_setenv(launcher, "OMP_THREAD_LIMIT", "1",
                                     true); /* of Tesseract: its limit is processor time */
        g_subprocess_launcher_set_child_setup(launcher, dies_with_us, NULL, NULL);
        l.child = g_subprocess_launcher_spawnv(launcher, argv, error);
        if (!l.child)
                return NULL;
        l.loop = g_main_loop_new(NULL, FALSE);
        guint timer = g_timeout_add_seconds(timeout_s, on_timeout, &l),
              each = g_timeout_add_seconds(RENEW_S, on_renew, &l);
        g_subprocess_communicate_async(l.child, NULL, NULL, on_end, &l);
        g_main_loop_run(l.loop);
        g_source_remove(timer);
        g_source_remove(each);
        g_subprocess_wait(l.child, NULL, NULL);
        json_t *out = verdict_of(&l, error);
        g_main_loop_unref(l.loop);
        g_object_unref(l.child);
        g_clear_pointer(&l.out, g_bytes_unref);
        g_clear_error(&l.error);
        return out;
}
