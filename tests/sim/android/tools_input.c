/* tools_input.c - `input` of the simulated phone: tap, swipe, text, keyevent, keycombination, motionevent */
#include "tests/sim/android/tool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/android/keys.h"
#include "tests/sim/android/log.h"
#include "tests/sim/android/screen.h"

#define STEP_MS 16
#define SWIPE_MAX_MS 60000

typedef struct {
        double x1, y1, x2, y2;
        gint64 start_us, ms;
        guint timer;
} Swipe;

static bool numbers(SimCall *call, int from, int count, double *out)
{
        for (int i = 0; i < count; i++) {
                char *end;

                if (from + i >= call->argc)
                        return false;
                out[i] = g_ascii_strtod(call->argv[from + i], &end);
                if (*end != '\0' || end == call->argv[from + i])
                        return false;
        }
        return true;
}

static void swipe_cancel(SimCall *call)
{
        Swipe *s = call->data;

        g_clear_handle_id(&s->timer, g_source_remove);
        g_free(s);
}

static gboolean on_swipe_step(void *data)
{
        SimCall *call = data;
        Swipe *s = call->data;
        double part = s->ms > 0 ? (double)(g_get_monotonic_time() - s->start_us) / 1000.0 / (double)s->ms : 1;
        SimScreen *screen = call->phone->screen;

        if (part < 1) {
                sim_screen_pointer_move(screen, s->x1 + (s->x2 - s->x1) * part,
                                        s->y1 + (s->y2 - s->y1) * part);
                return G_SOURCE_CONTINUE;
        }
        sim_screen_pointer_up(screen, s->x2, s->y2);
        s->timer = 0;
        sim_call_exit(call, 0);
        return G_SOURCE_REMOVE;
}

static int do_swipe(SimCall *call, int from)
{
        double p[4], ms = 300;

        if (!numbers(call, from, 4, p) || (call->argc > from + 4 && !numbers(call, from + 4, 1, &ms)) ||
            ms < 0 || ms > SWIPE_MAX_MS) {
                g_string_append(call->err, "Error: Invalid arguments for command: swipe\n");
                return 255;
        }
        Swipe *s = g_new0(Swipe, 1);
        *s = (Swipe){p[0], p[1], p[2], p[3], g_get_monotonic_time(), (gint64)ms, 0};
        call->data = s;
        call->cancel = swipe_cancel;
        sim_screen_pointer_down(call->phone->screen, s->x1, s->y1);
        s->timer = g_timeout_add(STEP_MS, on_swipe_step, call);
        return SIM_LATER;
}

static int do_text(SimCall *call, int from)
{
        GString *text;

        if (from >= call->argc || call->argv[from][0] == '\0') {
                g_string_append(call->err, "Error: Invalid arguments for command: text\n");
                return 255;
        }
        for (const char *c = call->argv[from]; *c; c++)
                if (*c < 0x20 ||
                    *c > 0x7e) { /* no key of the virtual keyboard types it: a real phone says just this */
                        g_string_append(
                                call->err,
                                "Exception occurred while executing 'text':\n"
                                "java.lang.NullPointerException: Attempt to get length of null array\n");
                        return 255;
                }
        text = g_string_new(call->argv[from]);
        g_string_replace(text, "%s", " ", 0);
        sim_screen_text(call->phone->screen, text->str);
        g_string_free(text, TRUE);
        return 0;
}

static int bad_key(SimCall *call, const char *name)
{
        g_string_append_printf(call->err, "Error: Unknown keycode: %s\n", name);
        return 255;
}

static int do_keyevent(SimCall *call, int from)
{
        if (from >= call->argc) {
                g_string_append(call->err, "Error: Argument expected after \"keyevent\"\n");
                return 255;
        }
        for (int i = from; i < call->argc; i++) {
                int code = sim_key_from_name(call->argv[i]);

                if (strcmp(call->argv[i], "--longpress") == 0 || strcmp(call->argv[i], "--doubletap") == 0)
                        continue;
                if (code < 0 || !sim_screen_key(call->phone->screen, code, false, false))
                        return bad_key(call, call->argv[i]);
        }
        return 0;
}

static int do_keycombination(SimCall *call, int from)
{
        bool shift = false, ctrl = false;

        if (from + 1 < call->argc && strcmp(call->argv[from], "-t") == 0)
                from += 2;
        if (from + 1 >= call->argc) {
                g_string_append(call->err, "Error: keycombination requires at least 2 keycodes\n");
                return 255;
        }
        for (int i = from; i < call->argc; i++) {
                int code = sim_key_from_name(call->argv[i]);

                if (code < 0)
                        return bad_key(call, call->argv[i]);
                if (code == 59 || code == 60)
                        shift = true;
                else if (code == 113 || code == 114)
                        ctrl = true;
                else if (code != 57 && code != 58 && code != 117 && code != 118)
                        sim_screen_key(call->phone->screen, code, shift, ctrl);
        }
        return 0;
}

static int do_motion(SimCall *call, int from)
{
        const char *what = from < call->argc ? call->argv[from] : "";
        double p[2];

        if (!numbers(call, from + 1, 2, p)) {
                g_string_append(call->err, "Error: Invalid arguments for command: motionevent\n");
                return 255;
        }
        if (g_ascii_strcasecmp(what, "DOWN") == 0)
                sim_screen_pointer_down(call->phone->screen, p[0], p[1]);
        else if (g_ascii_strcasecmp(what, "MOVE") == 0)
                sim_screen_pointer_move(call->phone->screen, p[0], p[1]);
        else if (g_ascii_strcasecmp(what, "UP") == 0 || g_ascii_strcasecmp(what, "CANCEL") == 0)
                sim_screen_pointer_up(call->phone->screen, p[0], p[1]);
        else {
                g_string_append_printf(call->err, "Error: Unknown motion event: %s\n", what);
                return 255;
        }
        return 0;
}

static int do_tap(SimCall *call, int from)
{
        double p[2];

        if (!numbers(call, from, 2, p)) {
                g_string_append(call->err, "Error: Invalid arguments for command: tap\n");
                return 255;
        }
        sim_screen_pointer_down(call->phone->screen, p[0], p[1]);
        sim_screen_pointer_up(call->phone->screen, p[0], p[1]);
        return 0;
}

int sim_tool_input(SimCall *call)
{
        static const char *const sources[] = {"touchscreen", "keyboard", "mouse",    "dpad",      "stylus",
                                              "gamepad",     "joystick", "touchpad", "trackball", NULL};
        static const struct {
                const char *name;
                int (*run)(SimCall *call, int from);
        } verbs[] = {{"tap", do_tap},           {"swipe", do_swipe},
                     {"draganddrop", do_swipe}, {"text", do_text},
                     {"keyevent", do_keyevent}, {"keycombination", do_keycombination},
                     {"motionevent", do_motion}};
        int at = 1;

        if (at < call->argc && g_strv_contains(sources, call->argv[at]))
                at++;
        if (at + 1 < call->argc && strcmp(call->argv[at], "-d") == 0)
                at += 2;
        for (guint i = 0; at < call->argc && i < G_N_ELEMENTS(verbs); i++)
                if (strcmp(call->argv[at], verbs[i].name) == 0) {
                        g_autofree char *line = g_strjoinv(" ", call->argv + at);

                        sim_log_add(call->phone->log, 'D', "InputShellCommand", "%.200s", line);
                        return verbs[i].run(call, at + 1);
                }
        g_string_append_printf(call->err,
                               "Error: Unknown command: %s\nUsage: input [<source>] [-d DISPLAY_ID] <command>"
                               " [<arg>...]\n",
                               at < call->argc ? call->argv[at] : "");
        return 255;
}
