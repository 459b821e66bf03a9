/* clips: what the flight recorder kept (docs/RECORDING.md). */
#include <string.h>

#include "client/api.h"
#include "client/fetch.h"
#include "client/out.h"
#include "lib/clock.h"
#include "lib/error.h"

#define LOOK_MS 300

static const char *text_of(const json_t *object, const char *field)
{
        return json_string_value(json_object_get(object, field));
}

static gint64 int_of(const json_t *object, const char *field)
{
        return json_integer_value(json_object_get(object, field));
}

static void add_query(GString *path, const char *name, const char *value)
{
        if (!value)
                return;
        g_string_append_printf(path, "%c%s=", strchr(path->str, '?') ? '&' : '?', name);
        g_string_append_uri_escaped(path, value, NULL, FALSE);
}

static void print_clips(const json_t *clips)
{
        TbCliTable *table = tb_cli_table_new(
                (const char *const[]){"CLIP", "DEVICE", "AT", "LENGTH", "SIZE", "STATE", "BY", "NOTE", NULL});
        size_t i;
        const json_t *c;
        json_array_foreach (clips, i, c) {
                const char *state = text_of(c, "state"), *rule = text_of(c, "rule"),
                           *reason = text_of(c, "reason"), *note = text_of(c, "note");
                bool done = g_strcmp0(state, "done") == 0, keep = json_is_true(json_object_get(c, "keep"));
                g_autofree char *at = tb_clock_rfc3339(int_of(c, "at")),
                                *length = g_strdup_printf(
                                        "%.1f s", (double)(int_of(c, "to") - int_of(c, "from")) / 1000),
                                *size = g_format_size((guint64)MAX(int_of(c, "bytes"), 0)),
                                *is = g_strdup_printf("%s%s", state ? state : "?", keep ? ", kept" : ""),
                                *by = rule ? g_strdup_printf("rule %s", rule) : g_strdup(text_of(c, "user"));
                tb_cli_table_add(table,
                                 done                              ? TB_CLI_PLAIN
                                 : g_strcmp0(state, "failed") == 0 ? TB_CLI_RED
                                                                   : TB_CLI_YELLOW,
                                 (const char *const[]){text_of(c, "clip"), text_of(c, "device"), at, length,
                                                       done ? size : "-", is, by, reason ? reason : note});
        }
        tb_cli_table_print(table);
}

static int list(TbCli *cli, GError **error)
{
        g_auto(TbCliDevice) d = {0};
        if (!tb_cli_host(cli, cli->n > 1 ? cli->args[1] : NULL, &d, error))
                return TB_CLI_FAILED;
        g_autofree char *device = g_steal_pointer(&d.id),
                        *from = NULL; /* a filter here, not a part of the path */
        g_autoptr(GString) path = g_string_new("/clips");
        if (tb_cli_text(cli, "since"))
                from = g_strdup_printf("%" G_GINT64_FORMAT,
                                       tb_clock_ms() - (gint64)(tb_cli_number(cli, "since", 0) * 1000));
        add_query(path, "device", device);
        add_query(path, "from", from);
        add_query(path, "rule", tb_cli_text(cli, "rule"));
        add_query(path, "text", tb_cli_text(cli, "text"));
        const TbCliRequest request = {.method = "GET", .device = &d, .path = path->str};
        json_auto_t *clips = tb_cli_ask(cli, &request, NULL, error);
        if (!clips)
                return TB_CLI_FAILED;
        if (cli->json)
                tb_cli_print_json(clips);
        else
                print_clips(clips);
        return TB_CLI_OK;
}

/* Until it is there; the host says when, or that it will not be. */
static json_t *wait_for(TbCli *cli, const TbCliDevice *host, const char *clip, GError **error)
{
        g_autofree char *path = g_strdup_printf("/clips/%s", clip);
        const TbCliRequest request = {.method = "GET", .device = host, .path = path};
        for (;;) {
                json_t *is = tb_cli_ask(cli, &request, NULL, error);
                const char *state = text_of(is, "state");
                if (!is || g_strcmp0(state, "recording") != 0) {
                        if (g_strcmp0(state, "failed") == 0)
                                tb_set_error(error, TB_ERROR_DEVICE, "%s: %s", clip,
                                             text_of(is, "reason") ?: "it could not be made");
                        return is;
                }
                json_decref(is);
                tb_cli_pause_ms(LOOK_MS);
        }
}

static int make(TbCli *cli, GError **error)
{
        g_auto(TbCliDevice) d = {0};
        if (!tb_cli_device(cli, cli->args[1], NULL, &d, error))
                return TB_CLI_FAILED;
        json_auto_t *body = json_object();
        const char *const times[] = {"pre-s", "post-s"}, *const fields[] = {"pre_s", "post_s"};
        for (guint i = 0; i < 2; i++)
                if (tb_cli_text(cli, times[i]))
                        json_object_set_new(body, fields[i], json_real(tb_cli_number(cli, times[i], 0)));
        if (tb_cli_text(cli, "note"))
                json_object_set_new(body, "note", json_string(tb_cli_text(cli, "note")));
        const TbCliRequest request = {.method = "POST", .device = &d, .path = "/clips", .body = body};
        json_auto_t *order = tb_cli_ask(cli, &request, NULL, error);
        if (!order)
                return TB_CLI_FAILED;
        g_autofree char *clip = tb_cli_clean(text_of(order, "clip"));
        const TbCliDevice host = {.host = d.host, .name = d.name};
        json_auto_t *is = tb_cli_flag(cli, "wait") ? wait_for(cli, &host, clip, error) : json_incref(order);
        if (!is)
                return TB_CLI_FAILED;
        if (cli->json)
                tb_cli_print_json(is);
        else
                tb_cli_print("%s\n", clip);
        return error && *error ? TB_CLI_FAILED : TB_CLI_OK;
}

/* The host of a clip, and its path: "CLIP", through a server "HOST/CLIP". */
static char *clip_path(TbCli *cli, const char *below, TbCliDevice *d, char **ret_clip, GError **error)
{
        if (!tb_cli_host(cli, cli->args[1], d, error))
                return NULL;
        g_autofree char *clip = g_steal_pointer(&d->id);
        if (!clip) {
                tb_set_error(error, TB_ERROR_INVALID, "%s: HOST/CLIP (testbed clips list %s)", cli->args[1],
                             d->host);
                return NULL;
        }
        char *path = g_strdup_printf("/clips/%s%s", clip, below);
        if (ret_clip)
                *ret_clip = g_steal_pointer(&clip);
        return path;
}

static int get(TbCli *cli, GError **error)
{
        const char *file = cli->n > 2 ? cli->args[2] : "video.mp4", *wanted = tb_cli_text(cli, "output");
        if (strchr(file, '/') || file[0] == '.') {
                tb_set_error(error, TB_ERROR_INVALID,
                             "clips get: \"%s\" is no file of a clip: video.mp4, bundle.tar …", file);
                return TB_CLI_USAGE;
        }
        if (cli->json && g_strcmp0(wanted, "-") == 0) {
                tb_set_error(error, TB_ERROR_INVALID,
                             "clips get: the standard output is the file: no JSON goes there");
                return TB_CLI_USAGE;
        }
        g_auto(TbCliDevice) d = {0};
        g_autofree char *escaped = g_uri_escape_string(file, NULL, FALSE),
                        *below = g_strconcat("/", escaped, NULL), *clip = NULL,
                        *path = clip_path(cli, below, &d, &clip, error);
        if (!path)
                return TB_CLI_FAILED;
        g_autofree char *what = g_strdup_printf("%s-%s", clip, file),
                        *to = !wanted                                   ? g_strdup(what)
                              : g_file_test(wanted, G_FILE_TEST_IS_DIR) ? g_build_filename(wanted, what, NULL)
                                                                        : g_strdup(wanted);
        const TbCliRequest request = {.method = "GET", .device = &d, .path = path, .wait_s = 60};
        if (!tb_cli_fetch(cli, &request, what, to, error))
                return TB_CLI_FAILED;
        if (cli->json) {
                json_auto_t *said = json_pack("{s:s, s:s}", "clip", clip, "file", to);
                if (said)
                        tb_cli_print_json(said);
        } else if (strcmp(to, "-") != 0) {
                tb_cli_print("%s\n", to);
        }
        return TB_CLI_OK;
}

/* show, note, keep, remove: one request each. */
static int one(TbCli *cli, const char *method, json_t *body, GError **error)
{
        g_auto(TbCliDevice) d = {0};
        g_autofree char *path = clip_path(cli, "", &d, NULL, error);
        if (!path)
                return TB_CLI_FAILED;
        const TbCliRequest request = {.method = method, .device = &d, .path = path, .body = body};
        json_auto_t *is = tb_cli_ask(cli, &request, NULL, error);
        if (!is)
                return TB_CLI_FAILED;
        if (strcmp(method, "DELETE") == 0) {
                tb_cli_print_done(cli, cli->args[1], "removed", json_true());
        } else if (cli->json) {
                tb_cli_print_json(is);
        } else if (strcmp(method, "GET") == 0) {
                json_auto_t *all = json_pack("[O]", is);
                print_clips(all);
        }
        return TB_CLI_OK;
}

static int usage(GError **error, const char *words)
{
        tb_set_error(error, TB_ERROR_INVALID, "clips: %s", words);
        return TB_CLI_USAGE;
}

int tb_cli_run_clips(TbCli *cli, GError **error)
{
        const char *what = cli->n > 0 ? cli->args[0] : "list", *more = cli->n > 2 ? cli->args[2] : NULL;
        if (strcmp(what, "list") == 0 && cli->n < 3)
                return list(cli, error);
        if (cli->n < 2)
                return usage(error,
                             "list, or make, show, get, note, keep, remove and which (testbed help clips)");
        if (strcmp(what, "make") == 0 && !more)
                return make(cli, error);
        if (strcmp(what, "show") == 0 && !more)
                return one(cli, "GET", NULL, error);
        if (strcmp(what, "get") == 0)
                return get(cli, error);
        if (strcmp(what, "remove") == 0 && !more)
                return one(cli, "DELETE", NULL, error);
        if (strcmp(what, "note") == 0 && more) {
                json_auto_t *body = json_pack("{s:s}", "note", more);
                return body ? one(cli, "PATCH", body, error) : usage(error, "the note is not UTF-8");
        }
        if (strcmp(what, "keep") == 0 && (!more || strcmp(more, "on") == 0 || strcmp(more, "off") == 0)) {
                json_auto_t *body = json_pack("{s:b}", "keep", !more || strcmp(more, "on") == 0);
                return one(cli, "PATCH", body, error);
        }
        return usage(error,
                     "list, make DEVICE, show CLIP, get CLIP [FILE], note CLIP TEXT, keep CLIP [on|off] or "
                     "remove CLIP");
}
