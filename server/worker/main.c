/* testbed-worker: takes jobs of a server, looks at clips, and says what is to be seen. */
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/config.h"
#include "lib/descriptors.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/version.h"
#include "server/worker/analyser.h"
#include "server/worker/vision.h"
#include "server/worker/worker.h"

#define WAIT_S 25 /* of one claim */
#define PAUSE_S 1 /* after the first failure; doubled up to … */
#define PAUSE_MOST_S 30
#define LATER_S 30 /* until a clip that could not be had is asked for again */
#define TELL_TRIES 5

typedef struct Run {
        TbWorkerApi *api;
        const json_t *job; /* borrowed */
        const char *program;
        guint timeout_s;
        TbVision models[2]; /* who is asked first, and who when that one does not answer */
        guint n_models, pictures;
} Run;

static gboolean on_pause(gpointer loop)
{
        g_main_loop_quit(loop);
        return G_SOURCE_REMOVE;
}

static void pause_s(guint seconds)
{
        g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
        g_timeout_add_seconds(seconds, on_pause, loop);
        g_main_loop_run(loop);
}

/* The job goes on while the server cannot be asked. */
static bool still_ours(gpointer data)
{
        Run *run = data;
        g_autoptr(GError) error = NULL;
        return tb_worker_renew(run->api, run->job, &error) || error;
}

static GPtrArray *take_pictures(const char *folder)
{
        GPtrArray *pictures = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
        for (guint i = 0; i < TB_VISION_PICTURES; i++) {
                g_autofree char *name = g_strdup_printf("%s/%u.jpg", folder, i), *bytes = NULL;
                gsize size;
                if (g_file_get_contents(name, &bytes, &size, NULL))
                        g_ptr_array_add(pictures, g_bytes_new_take(g_steal_pointer(&bytes), size));
                g_unlink(name);
        }
        g_rmdir(folder);
        return pictures;
}

/* What a model says in place of what differences of pixels do; where none answers, these stand. `seen` is the caller's, and what is returned. */
static json_t *ask_models(Run *run, const char *folder, const char *prompt, json_t *seen)
{
        g_autoptr(GPtrArray) pictures = take_pictures(folder);
        for (guint i = 0; seen && pictures->len && i < run->n_models; i++) {
                g_autoptr(GError) error = NULL;
                json_t *said = tb_vision_look(&run->models[i], prompt, pictures, still_ours, run, &error);
                if (said) {
                        tb_analysers_keep(seen, said);
                        json_decref(seen);
                        return said;
                }
                tb_log(TB_LOG_WARNING, TB_F("model", run->models[i].model), "%s", error->message);
        }
        return seen;
}

static json_t *look(Run *run, GError **error)
{
        g_autofree char *folder = run->n_models ? g_dir_make_tmp("testbed-pictures-XXXXXX", NULL) : NULL;
        g_autofree char *file = g_build_filename(g_get_tmp_dir(), "testbed-clip-XXXXXX", NULL);
        const char *prompt =
                json_string_value(json_object_get(json_object_get(run->job, "payload"), "analysis_prompt"));
        int fd = g_mkstemp(file);
        if (fd < 0) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s cannot be made", file);
                return NULL;
        }
        bool there = tb_worker_fetch(run->api, run->job, fd, error);
        close(fd);
        json_t *out = there ? tb_worker_look(run->program, file, prompt, folder, run->pictures,
                                             run->timeout_s, still_ours, run, error)
                            : NULL;
        g_unlink(file);
        return folder ? ask_models(run, folder, prompt, out) : out;
}

/* What was seen is said until the server has heard it, or does not want to. */
static void tell(Run *run, const char *what, const json_t *body, const char *id)
{
        for (guint i = 0; i < TELL_TRIES; i++) {
                g_autoptr(GError) error = NULL;
                if (tb_worker_tell(run->api, run->job, what, body, &error)) {
                        tb_log(TB_LOG_INFO, TB_F("event", id), "%s: %s", what,
                               json_string_value(json_object_get(
                                       body, strcmp(what, "summary") == 0 ? "summary" : "error_message")));
                        return;
                }
                tb_log(TB_LOG_WARNING, TB_F("event", id), "%s", error->message);
                if (error->domain == TB_ERROR && error->code != TB_ERROR_UNAVAILABLE)
                        return;
                pause_s(PAUSE_S << i);
        }
}

static void work(Run *run)
{
        const char *id = json_string_value(json_object_get(json_object_get(run->job, "payload"), "event_id"));
        gint64 begun_ms = tb_clock_mono_ms();
        g_autoptr(GError) error = NULL;
        json_auto_t *seen = look(run, &error);
        if (seen) {
                json_object_set_new(seen, "took_ms", json_integer(tb_clock_mono_ms() - begun_ms));
                tell(run, "summary", seen, id);
                return;
        }
        bool passing = error->domain != TB_ERROR || error->code == TB_ERROR_UNAVAILABLE ||
                       error->code == TB_ERROR_INTERRUPTED || error->code == TB_ERROR_FORBIDDEN;
        if (passing) { /* given back, or its lease runs out: it is tried again, here or elsewhere */
                tb_log(TB_LOG_WARNING, TB_F("event", id), "%s", error->message);
                if (g_error_matches(error, TB_ERROR, TB_ERROR_UNAVAILABLE))
                        tb_worker_later(run->api, run->job, LATER_S);
                return;
        }
        json_auto_t *failure = json_pack("{s:s, s:s}", "error_message", error->message, "error_type",
                                         error->code == TB_ERROR_TIMEOUT ? "TimeoutError" : "DecodeError");
        tell(run, "failure", failure, id);
}

static void serve(Run *run, bool once)
{
        for (guint pause = PAUSE_S;;) {
                g_autoptr(GError) error = NULL;
                json_auto_t *job = tb_worker_claim(run->api, once ? 0 : WAIT_S, &error);
                if (error) {
                        tb_log(TB_LOG_WARNING, TB_F(), "%s", error->message);
                        if (once)
                                return;
                        pause_s(pause);
                        pause = MIN(pause * 2, PAUSE_MOST_S);
                        continue;
                }
                pause = PAUSE_S;
                run->job = job;
                if (job)
                        work(run);
                if (once && !job)
                        return;
        }
}

static TbLogLevel level_of(void)
{
        TbLogLevel level = TB_LOG_INFO;
        g_autofree char *said =
                g_ascii_strdown(g_getenv("WORKER_LOG_LEVEL") ? g_getenv("WORKER_LOG_LEVEL") : "", -1);
        tb_log_level_parse(said, &level);
        return level;
}

static bool read_models(Run *run, GError **error)
{
        static const char *const prefixes[] = {"VISION", "VISION_FALLBACK"};
        const char *n = tb_config_env("INFERENCE_NUM_FRAMES");
        gint64 pictures = n ? g_ascii_strtoll(n, NULL, 10) : 0;
        run->pictures = pictures > 0 ? (guint)MIN(pictures, TB_VISION_PICTURES) : 3;
        for (gsize i = 0; i < G_N_ELEMENTS(prefixes); i++) {
                g_autoptr(GError) why = NULL;
                if (tb_vision_of_environment(prefixes[i], &run->models[run->n_models], &why))
                        run->n_models++;
                else if (why) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
        }
        return true;
}

/* --check: what it looks with on stdout, or why it cannot. */
static int check_here(void)
{
        Run run = {0};
        g_autoptr(GError) error = NULL;
        g_autofree char *names = read_models(&run, &error) ? tb_analysers_check(&error) : NULL;
        if (!names) {
                fprintf(stderr, "testbed-worker: %s\n", error->message);
                return 2;
        }
        printf("pixels%s%s%s\n", *names ? " " : "", names, run.n_models ? " vision" : "");
        return 0;
}

/* The same of a child, so that what analysers load does not stay here. NULL: it has said why. */
static char *analysers_of(const char *program)
{
        const char *argv[] = {program, "--check", NULL};
        char *names = NULL;
        int status = 0;
        g_autoptr(GError) error = NULL;
        bool ok = g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &names, NULL, &status,
                               &error) &&
                  status == 0;
        if (error)
                fprintf(stderr, "testbed-worker: %s\n", error->message);
        if (!ok)
                g_clear_pointer(&names, g_free);
        return names ? g_strchomp(names) : NULL;
}

int main(int argc, char **argv)
{
        tb_descriptors_standard();
        g_autofree char *server = g_strdup(tb_config_env("API_BASE_URL")), *name = NULL, *file = NULL,
                        *prompt = NULL;
        gboolean once = FALSE, json = FALSE, version = FALSE, check = FALSE;
        g_autofree char *folder = NULL;
        int timeout_s = 0, pictures = 3;
        const GOptionEntry entries[] = {
                {"server", 's', 0, G_OPTION_ARG_STRING, &server,
                 "the server (API_BASE_URL; default: http://localhost:5109)", "URL"},
                {"name", 'n', 0, G_OPTION_ARG_STRING, &name, "of this worker (default: the machine's)",
                 "NAME"},
                {"timeout", 't', 0, G_OPTION_ARG_INT, &timeout_s,
                 "seconds for one clip (INFERENCE_TIMEOUT_SECONDS; default: 120)", "S"},
                {"once", 0, 0, G_OPTION_ARG_NONE, &once, "end when there is no job", NULL},
                {"check", 0, 0, G_OPTION_ARG_NONE, &check,
                 "is all there that the environment asks for? Then end", NULL},
                {"log-json", 0, 0, G_OPTION_ARG_NONE, &json, "log JSON lines", NULL},
                {"version", 'V', 0, G_OPTION_ARG_NONE, &version, "print the version", NULL},
                {"look", 0, 0, G_OPTION_ARG_FILENAME, &file, "look at this clip and print what is to be seen",
                 "FILE"},
                {"prompt", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &prompt, NULL, NULL},
                {"pictures-to", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &folder, NULL, NULL},
                {"pictures", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_INT, &pictures, NULL, NULL},
                G_OPTION_ENTRY_NULL,
        };
        g_autoptr(GOptionContext) context = g_option_context_new("- looks at clips for testbed-server");
        g_autoptr(GError) error = NULL;
        g_option_context_add_main_entries(context, entries, NULL);
        if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 1) {
                fprintf(stderr, "testbed-worker: %s (try --help)\n",
                        error ? error->message : "too many arguments");
                return 2;
        }
        if (version) {
                printf("testbed-worker %s\n", tb_version);
                return 0;
        }
        if (check)
                return check_here();
        if (file)
                return tb_worker_look_here(file, prompt, folder, (guint)MAX(pictures, 1));
        tb_log_init(level_of(), json);
        const char *said = tb_config_env("INFERENCE_TIMEOUT_SECONDS");
        if (timeout_s <= 0)
                timeout_s = said ? (int)g_ascii_strtoll(said, NULL, 10) : 0;
        g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
        Run run = {.program = program, .timeout_s = timeout_s > 0 ? (guint)timeout_s : 120};
        if (!read_models(&run, &error)) {
                fprintf(stderr, "testbed-worker: %s\n", error->message);
                return 2;
        }
        g_autofree char *looks_with = analysers_of(program);
        if (!looks_with)
                return 2;
        run.api = tb_worker_api_new(server && *server ? server : "http://localhost:5109",
                                    tb_config_env("WORKER_API_TOKEN"),
                                    name && *name ? name : g_get_host_name(), &error);
        if (!run.api) {
                fprintf(stderr, "testbed-worker: %s\n", error->message);
                return 2;
        }
        tb_log(TB_LOG_INFO, TB_F("version", tb_version, "analysers", looks_with), "waiting for jobs");
        serve(&run, once);
        tb_worker_api_free(run.api);
        return 0;
}
