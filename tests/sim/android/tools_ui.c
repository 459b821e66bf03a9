/* tools_ui.c - `uiautomator dump [--compressed] [FILE]`: what draw.c draws, as the tree that a phone's accessibility service tells.
 * Attributes and words as AccessibilityNodeInfoDumper.java and DumpCommand.java of AOSP have them. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/android/screen.h"
#include "tests/sim/android/tool.h"

#define DEFAULT_FILE "/sdcard/window_dump.xml"

typedef struct {
        const char *class, *text, *id, *description; /* NULL: empty */
        bool clickable;
        int x, y, w, h;
} Node;

static void put(GString *xml, const char *package, const Node *n, int index, bool leaf)
{
        g_autofree char *text = g_markup_escape_text(n->text ? n->text : "", -1);
        g_autofree char *description = g_markup_escape_text(n->description ? n->description : "", -1);
        g_autofree char *id = n->id ? g_strdup_printf("%s:id/%s", package, n->id) : g_strdup("");

        g_string_append_printf(
                xml,
                "<node index=\"%d\" text=\"%s\" resource-id=\"%s\" class=\"%s\" package=\"%s\" "
                "content-desc=\"%s\" checkable=\"false\" checked=\"false\" clickable=\"%s\" "
                "enabled=\"true\" focusable=\"%s\" focused=\"false\" scrollable=\"false\" "
                "long-clickable=\"false\" password=\"false\" selected=\"false\" "
                "bounds=\"[%d,%d][%d,%d]\"%s>",
                index, text, id, n->class, package, description, n->clickable ? "true" : "false",
                n->clickable ? "true" : "false", n->x, n->y, n->x + n->w, n->y + n->h, leaf ? " /" : "");
}

static void put_home(GString *xml, SimScreen *s)
{
        int at = 0;

        for (guint i = 0; i < s->phone->packages->len; i++) {
                const SimPackage *p = g_ptr_array_index(s->phone->packages, i);
                int y = SIM_ICONS_Y + at / 3 * SIM_CELL_H;

                if (strcmp(p->name, "android") == 0)
                        continue;
                if (y + SIM_CELL_H > SIM_NAV_Y)
                        break;
                g_autofree char *title = sim_package_title(p->name);
                put(xml, s->app,
                    &(Node){"android.widget.TextView", title, "icon", title, true, at % 3 * SIM_CELL_W, y,
                            SIM_CELL_W, SIM_CELL_H},
                    at, true);
                at++;
        }
}

static void put_title(GString *xml, SimScreen *s)
{
        g_autofree char *title = sim_package_title(s->app);

        put(xml, s->app,
            &(Node){"android.widget.TextView", title, "title", NULL, false, 0, SIM_STATUS_H, SIM_WIDTH,
                    SIM_TITLE_H},
            0, true);
}

static void put_demo(GString *xml, SimScreen *s)
{
        static const char *const names[] = {"red", "green", "blue"};
        int at = 1;

        put(xml, s->app,
            &(Node){"android.widget.EditText", s->text->len || s->focus ? s->text->str : "Tap and type",
                    "field", NULL, true, SIM_FIELD_X, SIM_FIELD_Y, SIM_FIELD_W, SIM_FIELD_H},
            at++, true);
        for (int i = 0; i < 3; i++) {
                g_autofree char *count = g_strdup_printf("%u", s->taps[i]);
                put(xml, s->app,
                    &(Node){"android.widget.Button", count, names[i], names[i], true, SIM_BUTTON_X(i),
                            SIM_BUTTON_Y, SIM_BUTTON_W, SIM_BUTTON_H},
                    at++, true);
        }
        for (int row = s->scroll / SIM_ROW_H; row < SIM_ROWS; row++) {
                int y = SIM_LIST_Y + row * SIM_ROW_H - s->scroll;
                int top = MAX(y, SIM_LIST_Y), bottom = MIN(y + SIM_ROW_H, SIM_NAV_Y);
                g_autofree char *label = g_strdup_printf("Row %d", row);

                if (y >= SIM_NAV_Y)
                        break;
                put(xml, s->app,
                    &(Node){"android.widget.TextView", label, "row", NULL, true, 0, top, SIM_WIDTH,
                            bottom - top},
                    at++, true);
        }
}

static char *dump(SimScreen *s)
{
        GString *xml = g_string_new("<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>"
                                    "<hierarchy rotation=\"0\">");

        put(xml, s->app,
            &(Node){"android.widget.FrameLayout", NULL, NULL, NULL, false, 0, 0, SIM_WIDTH, SIM_NAV_Y}, 0,
            false);
        if (strcmp(s->app, SIM_HOME_APP) == 0) {
                put_home(xml, s);
        } else {
                put_title(xml, s);
                if (strcmp(s->app, "com.testbed.demo") == 0)
                        put_demo(xml, s);
        }
        g_string_append(xml, "</node></hierarchy>");
        return g_string_free(xml, FALSE);
}

int sim_tool_ui(SimCall *call)
{
        const char *file = DEFAULT_FILE;
        g_autoptr(GError) error = NULL;

        if (call->argc < 2 || strcmp(call->argv[1], "dump") != 0) {
                g_string_append(
                        call->err,
                        "Usage: uiautomator <subcommand> [options]\n(a simulated phone has dump alone)\n");
                return 1;
        }
        for (int i = 2; i < call->argc; i++)
                if (strcmp(call->argv[i], "--compressed") != 0)
                        file = call->argv[i];
        if (!call->phone->screen->awake) {
                g_string_append(call->out, "ERROR: null root node returned by UiTestAutomationBridge.\n");
                return 0; /* so does Android */
        }
        g_autofree char *xml = dump(call->phone->screen);
        g_autofree char *path = g_strconcat(call->phone->root, file, NULL);
        if (!g_file_set_contents(path, xml, -1, &error)) {
                g_string_append_printf(call->err, "java.io.FileNotFoundException: %s: open failed\n", file);
                return 1;
        }
        g_string_append_printf(call->out, "UI hierchary dumped to: %s\n", file); /* sic */
        return 0;
}
