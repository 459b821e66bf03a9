/* VirtualPyTest's POST /host/remote/executeCommand {"command", "params", "device_id"}: each a verb of the device, or a few. Behind one
 * that went well it waits "wait_time" ms before it answers: scripts are written for that. */
#include <string.h>

#include "host/api/compat/elements.h"
#include "host/api/compat/private.h"
#include "lib/limits.h"

/* --- the end of each --- */
typedef struct Wait {
        TbRequest *request; /* ref */
        json_t *answer;     /* owned */
        guint timer;
} Wait;

static void wait_free(Wait *w)
{
        json_decref(w->answer);
        tb_request_unref(w->request);
        g_free(w);
}

static void wait_gone(TbRequest *request G_GNUC_UNUSED, gpointer data)
{
        g_source_remove(((Wait *)data)->timer);
        wait_free(data);
}

static gboolean waited(gpointer data)
{
        Wait *w = data;
        tb_request_on_gone(w->request, NULL, NULL);
        tb_compat_succeed(w->request, json_incref(w->answer));
        wait_free(w);
        return G_SOURCE_REMOVE;
}

static json_t *wait_param(TbRequest *request)
{
        return json_object_get(json_object_get(tb_request_json(request), "params"), "wait_time");
}

static void finish(TbRequest *request, json_t *answer_take)
{
        const char *command = json_string_value(json_object_get(tb_request_json(request), "command"));
        guint ms = (guint)json_integer_value(wait_param(request)); /* it was checked */
        json_object_set_new(answer_take, "message",
                            json_sprintf("Command %s executed successfully", command));
        if (ms == 0) {
                tb_compat_succeed(request, answer_take);
                return;
        }
        Wait *w = g_new0(Wait, 1);
        *w = (Wait){.request = tb_request_ref(request), .answer = answer_take};
        w->timer = g_timeout_add(ms, waited, w);
        tb_request_on_gone(request, wait_gone, w);
}

static void done(TbRequest *request, json_t *result G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
        finish(request, json_object());
}

/* --- input --- */
static void send_input(TbApi *api, TbRequest *request, json_t *event_take)
{
        TbInterface *iface = tb_compat_interface(api, request, TB_KIND_INPUT);
        json_t *events = json_pack("[o]", event_take);
        if (iface)
                tb_compat_run(api, request, iface, "send", events, done, NULL, NULL);
        else
                json_decref(events);
}

/* Its names of keys are Android's without KEYCODE_; those that other screens have too go by KeyboardEvent.key. The caller frees. */
static char *key_of(const char *name)
{
        static const char *const keys[][2] = {{"UP", "ArrowUp"},     {"DOWN", "ArrowDown"},
                                              {"LEFT", "ArrowLeft"}, {"RIGHT", "ArrowRight"},
                                              {"OK", "Enter"},       {"SELECT", "Enter"},
                                              {"ENTER", "Enter"},    {"BACK", "GoBack"},
                                              {"HOME", "GoHome"},    {"MENU", "ContextMenu"},
                                              {"POWER", "Power"},    {"VOLUME_UP", "AudioVolumeUp"},
                                              {"TAB", "Tab"},        {"VOLUME_DOWN", "AudioVolumeDown"},
                                              {"DEL", "Backspace"},  {"SPACE", " "},
                                              {"ESCAPE", "Escape"},  {"MUTE", "AudioVolumeMute"}};
        for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
                if (g_ascii_strcasecmp(keys[i][0], name) == 0)
                        return g_strdup(keys[i][1]);
        bool android = strlen(name) > 1 && !g_str_has_prefix(name, "KEYCODE_");
        for (const char *c = name; *c; c++)
                android = android && (g_ascii_isupper(*c) || g_ascii_isdigit(*c) || *c == '_');
        return g_strconcat(android ? "KEYCODE_" : "", name, NULL);
}

static void press_key(TbApi *api, TbRequest *request, json_t *params)
{
        g_autofree char *key = key_of(json_string_value(json_object_get(params, "key")));
        send_input(api, request, json_pack("{s:s, s:s}", "type", "key", "key", key));
}

static void input_text(TbApi *api, TbRequest *request, json_t *params)
{
        send_input(api, request,
                   json_pack("{s:s, s:O}", "type", "text", "text", json_object_get(params, "text")));
}

static void tap(TbApi *api, TbRequest *request, json_t *params)
{
        send_input(api, request,
                   json_pack("{s:s, s:O, s:O}", "type", "tap", "x", json_object_get(params, "x"), "y",
                             json_object_get(params, "y")));
}

static void swipe(TbApi *api, TbRequest *request, json_t *params)
{
        send_input(api, request,
                   json_pack("{s:s, s:O, s:O, s:O, s:O, s:O}", "type", "swipe", "x1",
                             json_object_get(params, "from_x"), "y1", json_object_get(params, "from_y"), "x2",
                             json_object_get(params, "to_x"), "y2", json_object_get(params, "to_y"), "ms",
                             json_object_get(params, "duration")));
}

/* --- apps --- */
static void run_apps(TbApi *api, TbRequest *request, json_t *params, const char *op)
{
        TbInterface *iface = tb_compat_interface(api, request, TB_KIND_APPS);
        if (iface)
                tb_compat_run(api, request, iface, op,
                              json_pack("{s:O}", "package", json_object_get(params, "package")), done, NULL,
                              NULL);
}

static void launch_app(TbApi *api, TbRequest *request, json_t *params)
{
        run_apps(api, request, params, "start");
}

static void close_app(TbApi *api, TbRequest *request, json_t *params)
{
        run_apps(api, request, params, "stop");
}

static void installed_apps(TbApi *api, TbRequest *request, json_t *params G_GNUC_UNUSED)
{
        TbInterface *iface = tb_compat_interface(api, request, TB_KIND_APPS);
        if (iface)
                tb_compat_run(api, request, iface, "list", NULL, done, NULL, NULL);
}

/* --- elements --- */
static int middle(json_t *element, const char *from, const char *to)
{
        json_t *bounds = json_object_get(element, "bounds");
        return (int)((json_integer_value(json_object_get(bounds, from)) +
                      json_integer_value(json_object_get(bounds, to))) /
                     2);
}

/* `data`: what is looked for: a text, or a number */
static void click_found(TbApi *api, TbRequest *request, json_t *elements, gpointer data)
{
        const json_t *wanted = data;
        json_t *element = tb_elements_pick(elements, json_string_value(wanted), json_integer_value(wanted));
        if (element) {
                send_input(api, request,
                           json_pack("{s:s, s:i, s:i}", "type", "tap", "x", middle(element, "left", "right"),
                                     "y", middle(element, "top", "bottom")));
                return;
        }
        g_autoptr(GError) error = NULL;
        g_autofree char *text =
                json_is_string(wanted) ? g_strdup_printf("\"%.80s\"", json_string_value(wanted))
                                       : g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(wanted));
        tb_error_set_field(&error, TB_ERROR_NOT_FOUND, "params.element_id",
                           "no element %s is on the screen of %s (it has %zu); nothing was tapped", text,
                           tb_compat_device_id(request), json_array_size(elements));
        tb_request_reply_error(request, error);
}

static void unref_json(gpointer data)
{
        json_decref(data);
}

static void click(TbApi *api, TbRequest *request, json_t *params)
{
        json_t *wanted = json_object_get(params, "element_id");
        tb_compat_dump(api, request, click_found, json_incref(wanted), unref_json);
}

/* A number may come as text. */
static void click_id(TbApi *api, TbRequest *request, json_t *params)
{
        g_autoptr(GError) error = NULL;
        json_t *wanted = json_object_get(params, "element_id");
        guint64 id = (guint64)json_integer_value(wanted);
        if (!json_is_integer(wanted) &&
            !(json_is_string(wanted) &&
              g_ascii_string_to_unsigned(json_string_value(wanted), 10, 1, TB_LIMIT_UI_ELEMENTS, &id, NULL)))
                tb_error_set_field(&error, TB_ERROR_INVALID, "params.element_id",
                                   "params.element_id must be the number of an element, as dumpUi gives it");
        if (error)
                tb_request_reply_error(request, error);
        else
                tb_compat_dump(api, request, click_found, json_integer((json_int_t)id), unref_json);
}

static void found(TbApi *api G_GNUC_UNUSED, TbRequest *request, json_t *elements, gpointer data)
{
        json_t *matches = tb_elements_find(elements, json_string_value(data));
        finish(request, json_pack("{s:I, s:o}", "total_matches", (json_int_t)json_array_size(matches),
                                  "matches", matches));
}

static void find_element(TbApi *api, TbRequest *request, json_t *params)
{
        tb_compat_dump(api, request, found, json_incref(json_object_get(params, "search_term")), unref_json);
}

static void dumped(TbApi *api G_GNUC_UNUSED, TbRequest *request, json_t *elements,
                   gpointer data G_GNUC_UNUSED)
{
        finish(request, json_pack("{s:O}", "elements", elements));
}

static void dump_elements(TbApi *api, TbRequest *request, json_t *params G_GNUC_UNUSED)
{
        tb_compat_dump(api, request, dumped, NULL, NULL);
}

/* --- the table --- */
#define WAIT                                                                                                 \
        {                                                                                                    \
                .name = "wait_time", .type = TB_PARAM_INT, .max = TB_LIMIT_COMPAT_WAIT_MS, .unit = "ms",     \
                .help = "pause behind the command"                                                           \
        }
#define TEXT(name_, max_)                                                                                    \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_STRING, .required = true, .min = 1, .max = max_              \
        }
#define PIXEL(name_, default_)                                                                               \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_NUMBER, .required = !(default_), .fallback = default_,       \
                .min = -1, .max = TB_LIMIT_VIDEO_SIDE                                                        \
        }
#define SWIPE(from_x, from_y, to_x, to_y)                                                                    \
        PIXEL("from_x", from_x), PIXEL("from_y", from_y), PIXEL("to_x", to_x), PIXEL("to_y", to_y),          \
                {.name = "duration",                                                                         \
                 .type = TB_PARAM_INT,                                                                       \
                 .max = TB_LIMIT_SWIPE_MS,                                                                   \
                 .fallback = "300",                                                                          \
                 .unit = "ms"},                                                                              \
                WAIT, TB_PARAM_END

static const TbParam no_params[] = {WAIT, TB_PARAM_END};
static const TbParam key_params[] = {TEXT("key", 64), WAIT, TB_PARAM_END};
static const TbParam text_params[] = {TEXT("text", TB_LIMIT_INPUT_TEXT), WAIT, TB_PARAM_END};
static const TbParam app_params[] = {TEXT("package", 255), WAIT, TB_PARAM_END};
static const TbParam tap_params[] = {PIXEL("x", NULL), PIXEL("y", NULL), WAIT, TB_PARAM_END};
static const TbParam swipe_params[] = {SWIPE(NULL, NULL, NULL, NULL)};
static const TbParam up_params[] = {SWIPE("500", "1500", "500", "500")};
static const TbParam down_params[] = {SWIPE("500", "500", "500", "1500")};
static const TbParam left_params[] = {SWIPE("800", "1000", "200", "1000")};
static const TbParam right_params[] = {SWIPE("200", "1000", "800", "1000")};
static const TbParam element_params[] = {TEXT("element_id", TB_LIMIT_INPUT_TEXT), WAIT, TB_PARAM_END};
static const TbParam number_params[] = {
        {.name = "element_id", .type = TB_PARAM_ANY, .required = true}, WAIT, TB_PARAM_END};
static const TbParam find_params[] = {TEXT("search_term", TB_LIMIT_INPUT_TEXT), WAIT, TB_PARAM_END};

static const struct {
        const char *name;
        const TbParam *params;
        void (*start)(TbApi *api, TbRequest *request, json_t *params);
} commands[] = {
        {"press_key", key_params, press_key},
        {"input_text", text_params, input_text},
        {"launch_app", app_params, launch_app},
        {"close_app", app_params, close_app},
        {"tap_coordinates", tap_params, tap},
        {"swipe", swipe_params, swipe},
        {"swipe_up", up_params, swipe},
        {"swipe_down", down_params, swipe},
        {"swipe_left", left_params, swipe},
        {"swipe_right", right_params, swipe},
        {"click_element", element_params, click},
        {"click_element_by_id", number_params, click_id},
        {"find_element", find_params, find_element},
        {"dump_elements", no_params, dump_elements},
        {"get_installed_apps", no_params, installed_apps},
};

static char *names_of_commands(void)
{
        GString *s = g_string_new(NULL);
        for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
                g_string_append_printf(s, "%s%s", i ? ", " : "", commands[i].name);
        return g_string_free(s, FALSE);
}

static void execute(TbRequest *request, gpointer data)
{
        g_autoptr(GError) error = NULL;
        const char *command = json_string_value(json_object_get(tb_request_json(request), "command"));
        for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
                if (g_ascii_strcasecmp(commands[i].name, command) != 0) /* its page says SWIPE_UP */
                        continue;
                json_auto_t *params = tb_compat_params(request, commands[i].params);
                if (params)
                        commands[i].start(data, request, params);
                return;
        }
        g_autofree char *names = names_of_commands();
        tb_error_set_field(&error, TB_ERROR_INVALID, "command", "there is no command \"%s\"; there are: %s",
                           command, names);
        tb_request_reply_error(request, error);
}

static const TbParam execute_params[] = {
        TEXT("command", 64),
        {.name = "params",
         .type = TB_PARAM_OBJECT,
         .help = "of the command: key, text, package, x and y, element_id, …; wait_time (ms)"},
        TB_COMPAT_DEVICE,
        TB_PARAM_END,
};

static const TbRoute routes[] = {
        TB_COMPAT_ROUTE("/host/remote/executeCommand", TB_ROLE_OPERATOR, execute_params, execute,
                        "VirtualPyTest: keys, text, taps, swipes, apps, elements",
                        "200 application/json Compat; 413; " TB_COMPAT_LANE),
        {.method = NULL},
};

void tb_compat_add_commands(TbApi *api)
{
        tb_http_add_routes(api->http, routes, api);
}
