/* mount: a telescope. */
#include <string.h>

#include "client/api.h"
#include "client/out.h"
#include "lib/error.h"
#include "lib/sky.h"

static void print_doings(const json_t *mount)
{
        size_t i;
        const json_t *doing;
        json_array_foreach (json_object_get(mount, "doings"), i, doing) {
                const char *error = json_string_value(json_object_get(doing, "error"));
                if (json_is_true(json_object_get(doing, "under_way")) || error)
                        tb_cli_print("  %s: %s%s%s\n", json_string_value(json_object_get(doing, "what")),
                                     json_string_value(json_object_get(doing, "state")), error ? ": " : "",
                                     error ? error : "");
        }
}

static void print_mount(TbCli *cli, const TbCliDevice *d, const json_t *mount)
{
        if (cli->json || json_object_get(mount, "result")) {
                tb_cli_print_json(mount);
                return;
        }
        const json_t *ra = json_object_get(mount, "ra_hours"), *dec = json_object_get(mount, "dec_deg");
        const char *target = json_string_value(json_object_get(json_object_get(mount, "target"), "name"));
        g_autofree char *h = json_is_number(ra) ? tb_sky_format(json_number_value(ra), true) : g_strdup("?"),
                        *deg = json_is_number(dec) ? tb_sky_format(json_number_value(dec), false)
                                                   : g_strdup("?");
        tb_cli_print("%s/%s: %s %s%s%s%s\n", d->name, d->interface, h, deg, target ? ", " : "",
                     target ? target : "", json_is_true(json_object_get(mount, "parked")) ? ", parked" : "");
        print_doings(mount);
}

/* --- what the words mean --- */
static bool number(const char *text, const char *what, double *ret, GError **error)
{
        char *end = NULL;
        *ret = text ? g_ascii_strtod(text, &end) : 0;
        if (text && end != text && !*end)
                return true;
        tb_set_error(error, TB_ERROR_INVALID, "mount: %s is a number", what);
        return false;
}

static json_t *place(char **args, int n, GError **error)
{
        double ra, dec;
        if (n < 2) {
                tb_set_error(error, TB_ERROR_INVALID, "mount: say where: RA DEC (5h35m17s -5d23m28s)");
                return NULL;
        }
        if (!tb_sky_parse(args[0], true, &ra, error) || !tb_sky_parse(args[1], false, &dec, error))
                return NULL;
        json_t *o = json_pack("{s:f, s:f}", "ra_hours", ra, "dec_deg", dec);
        if (n > 2)
                json_object_set_new(o, "target", json_string(args[2]));
        return o;
}

static json_t *move(char **args, int n, GError **error)
{
        static const struct {
                const char *word;
                int angle;
        } words[] = {{"right", 0}, {"up", 90}, {"left", 180}, {"down", 270}};
        double seconds = 1;
        if (n > 1 && !number(args[1], "how long", &seconds, error))
                return NULL;
        for (gsize i = 0; n > 0 && i < G_N_ELEMENTS(words); i++)
                if (strcmp(args[0], words[i].word) == 0)
                        return json_pack("{s:i, s:f}", "angle_deg", words[i].angle, "duration_s", seconds);
        tb_set_error(error, TB_ERROR_INVALID, "mount move: up, down, left or right");
        return NULL;
}

static json_t *switched(const char *word, GError **error)
{
        bool on = g_strcmp0(word, "on") == 0;
        if (on || g_strcmp0(word, "off") == 0)
                return json_pack("{s:b}", "on", on);
        tb_set_error(error, TB_ERROR_INVALID, "mount: on or off");
        return NULL;
}

static json_t *focus(const char *text, GError **error)
{
        double n;
        if (g_strcmp0(text, "auto") == 0)
                return json_pack("{s:b}", "auto", 1);
        if (!number(text, "the focus (1500, or +10, -10 from where it is, or auto)", &n, error))
                return NULL;
        return json_pack("{s:i}", *text == '+' || *text == '-' ? "step" : "position", (int)n);
}

static json_t *one_number(const char *text, const char *field, bool whole, GError **error)
{
        double n;
        if (!number(text, field, &n, error))
                return NULL;
        return whole ? json_pack("{s:i}", field, (int)n) : json_pack("{s:f}", field, n);
}

static json_t *ask(char **args, int n, GError **error)
{
        json_t *o = n > 0 ? json_pack("{s:s}", "method", args[0]) : NULL;
        json_t *params = n > 1 ? json_loads(args[1], JSON_DECODE_ANY, NULL) : NULL;
        if (!o || (n > 1 && !params)) {
                json_decref(o);
                tb_set_error(error, TB_ERROR_INVALID, "mount ask: METHOD, and its parameters as JSON");
                return NULL;
        }
        if (params)
                json_object_set_new(o, "params", params);
        return o;
}

/* The body of what the words mean; NULL: an error. */
static json_t *body_of(const char *what, char **args, int n, GError **error)
{
        if (strcmp(what, "goto") == 0 || strcmp(what, "sync") == 0)
                return place(args, n, error);
        if (strcmp(what, "move") == 0)
                return move(args, n, error);
        if (strcmp(what, "track") == 0 || strcmp(what, "stack") == 0)
                return switched(n > 0 ? args[0] : NULL, error);
        if (strcmp(what, "focus") == 0)
                return focus(n > 0 ? args[0] : NULL, error);
        if (strcmp(what, "exposure") == 0)
                return one_number(n > 0 ? args[0] : NULL, "exposure_ms", false, error);
        if (strcmp(what, "gain") == 0)
                return one_number(n > 0 ? args[0] : NULL, "gain", true, error);
        if (strcmp(what, "view") == 0)
                return json_pack("{s:s}", "mode", n > 0 ? args[0] : "star");
        if (strcmp(what, "ask") == 0)
                return ask(args, n, error);
        if (strcmp(what, "stop") == 0 || strcmp(what, "park") == 0)
                return json_object();
        tb_set_error(error, TB_ERROR_INVALID, "mount: \"%s\" is not known (testbed help mount)", what);
        return NULL;
}

int tb_cli_run_mount(TbCli *cli, GError **error)
{
        const char *what = cli->n > 1 ? cli->args[1] : "status";
        bool status = strcmp(what, "status") == 0;
        json_auto_t *body = status ? NULL : body_of(what, cli->args + 2, MAX((int)cli->n - 2, 0), error);
        g_auto(TbCliDevice) d = {0};
        if (!status && !body)
                return TB_CLI_USAGE;
        if (!tb_cli_device(cli, cli->args[0], "mount", &d, error))
                return TB_CLI_FAILED;
        g_autofree char *path = status ? NULL : g_strconcat("/", what, NULL);
        const TbCliRequest request = {
                .method = status ? "GET" : "POST", .device = &d, .path = path, .body = body, .wait_s = 60};
        json_auto_t *mount = tb_cli_ask(cli, &request, NULL, error);
        if (!mount)
                return TB_CLI_FAILED;
        print_mount(cli, &d, mount);
        return TB_CLI_OK;
}
