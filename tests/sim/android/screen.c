#include "tests/sim/android/screen.h"

#include <math.h>
#include <string.h>

#include "tests/sim/android/keys.h"
#include "tests/sim/android/log.h"

#define TOUCH_SLOP 12 /* a finger that moves further is no tap */

#define KEY_HOME 3
#define KEY_BACK 4
#define KEY_POWER 26
#define KEY_SLEEP 223
#define KEY_WAKEUP 224

SimScreen *sim_screen_new(SimPhone *phone)
{
        SimScreen *s = g_new0(SimScreen, 1);

        s->phone = phone;
        s->surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, SIM_WIDTH, SIM_HEIGHT);
        s->text = g_string_new(NULL);
        s->points = g_array_new(FALSE, FALSE, sizeof(SimPoint));
        sim_screen_reset(s);
        return s;
}

void sim_screen_free(SimScreen *s)
{
        if (s == NULL)
                return;
        cairo_surface_destroy(s->surface);
        g_string_free(s->text, TRUE);
        g_array_unref(s->points);
        g_free(s->drawn_clock);
        g_free(s->app);
        g_free(s->entered);
        g_free(s->last_key);
        g_free(s);
}

void sim_screen_touch(SimScreen *s)
{
        s->dirty = true;
        s->changes++;
}

void sim_screen_reset(SimScreen *s)
{
        s->awake = true;
        g_free(s->app);
        s->app = g_strdup(SIM_HOME_APP);
        g_string_truncate(s->text, 0);
        s->cursor = 0;
        s->focus = s->all_selected = false;
        g_clear_pointer(&s->entered, g_free);
        g_clear_pointer(&s->last_key, g_free);
        memset(s->taps, 0, sizeof(s->taps));
        s->scroll = 0;
        s->selected = -1;
        g_array_set_size(s->points, 0);
        s->volume = 5;
        s->down = s->dragging = false;
        sim_screen_touch(s);
}

static bool in_front(const SimScreen *s, const char *package)
{
        return strcmp(s->app, package) == 0;
}

void sim_screen_start_app(SimScreen *s, const char *package)
{
        if (!in_front(s, package)) {
                g_free(s->app);
                s->app = g_strdup(package);
        }
        s->focus = false;
        if (s->phone->log != NULL)
                sim_log_add(s->phone->log, 'I', "ActivityTaskManager",
                            "START u0 {cmp=%s/.Main} from uid 2000", package);
        sim_screen_touch(s);
}

void sim_screen_stop_app(SimScreen *s, const char *package)
{
        if (in_front(s, package))
                sim_screen_start_app(s, SIM_HOME_APP);
}

/* --- touch --- */

static bool inside(double x, double y, int rx, int ry, int rw, int rh)
{
        return x >= rx && x < rx + rw && y >= ry && y < ry + rh;
}

static void click_home(SimScreen *s, double x, double y)
{
        int column = (int)x / SIM_CELL_W, row = ((int)y - SIM_ICONS_Y) / SIM_CELL_H, at = 0;

        if (y < SIM_ICONS_Y)
                return;
        for (guint i = 0; i < s->phone->packages->len; i++) {
                SimPackage *p = g_ptr_array_index(s->phone->packages, i);

                if (strcmp(p->name, "android") == 0)
                        continue;
                if (at++ == row * 3 + column) {
                        sim_screen_start_app(s, p->name);
                        return;
                }
        }
}

static void click_demo(SimScreen *s, double x, double y)
{
        s->focus = inside(x, y, SIM_FIELD_X, SIM_FIELD_Y, SIM_FIELD_W, SIM_FIELD_H);
        if (s->focus)
                s->cursor = s->text->len;
        for (int i = 0; i < 3; i++)
                if (inside(x, y, SIM_BUTTON_X(i), SIM_BUTTON_Y, SIM_BUTTON_W, SIM_BUTTON_H)) {
                        s->taps[i]++;
                        sim_log_add(s->phone->log, 'D', "Demo", "button %d tapped, %u times now", i,
                                    s->taps[i]);
                }
        if (y >= SIM_LIST_Y && y < SIM_NAV_Y)
                s->selected = ((int)y - SIM_LIST_Y + s->scroll) / SIM_ROW_H;
}

static void click(SimScreen *s, double x, double y)
{
        if (y >= SIM_NAV_Y) {
                sim_screen_key(s, x < SIM_WIDTH / 3.0 ? KEY_BACK : KEY_HOME, false, false);
                return;
        }
        if (in_front(s, SIM_HOME_APP))
                click_home(s, x, y);
        else if (in_front(s, "com.testbed.demo"))
                click_demo(s, x, y);
        sim_screen_touch(s);
}

static void draw_point(SimScreen *s, double x, double y, bool start)
{
        SimPoint p = {(short)x, (short)y, start};

        if (!in_front(s, "com.testbed.paint") || y < SIM_STATUS_H + SIM_TITLE_H || y >= SIM_NAV_Y)
                return;
        if (s->points->len < SIM_POINTS_MAX)
                g_array_append_val(s->points, p);
        sim_screen_touch(s);
}

void sim_screen_pointer_down(SimScreen *s, double x, double y)
{
        if (!s->awake)
                return;
        s->down = true;
        s->dragging = false;
        s->down_x = s->last_x = x;
        s->down_y = s->last_y = y;
        draw_point(s, x, y, true);
}

void sim_screen_pointer_move(SimScreen *s, double x, double y)
{
        if (!s->down)
                return;
        if (hypot(x - s->down_x, y - s->down_y) > TOUCH_SLOP)
                s->dragging = true;
        draw_point(s, x, y, false);
        if (s->dragging && in_front(s, "com.testbed.demo") && s->down_y >= SIM_LIST_Y) {
                int most = SIM_ROWS * SIM_ROW_H - (SIM_NAV_Y - SIM_LIST_Y);

                s->scroll = CLAMP(s->scroll + (int)lround(s->last_y - y), 0, most);
                sim_screen_touch(s);
        }
        s->last_x = x;
        s->last_y = y;
}

void sim_screen_pointer_up(SimScreen *s, double x, double y)
{
        if (!s->down)
                return;
        sim_screen_pointer_move(s, x, y);
        s->down = false;
        if (!s->dragging)
                click(s, x, y);
}

/* --- keys --- */

static void type_char(SimScreen *s, char c)
{
        if (!s->focus || !in_front(s, "com.testbed.demo"))
                return;
        if (s->all_selected) {
                g_string_truncate(s->text, 0);
                s->cursor = 0;
                s->all_selected = false;
        }
        if (s->text->len < SIM_TEXT_MAX)
                g_string_insert_c(s->text, (gssize)s->cursor++, c);
}

void sim_screen_text(SimScreen *s, const char *text)
{
        if (!s->awake)
                return;
        for (const char *c = text; *c; c++)
                type_char(s, *c);
        sim_screen_touch(s);
}

/* Keys that edit the text field. */
static void edit_key(SimScreen *s, int code)
{
        if (!s->focus || !in_front(s, "com.testbed.demo"))
                return;
        if (s->all_selected && (code == 67 || code == 112)) {
                g_string_truncate(s->text, 0);
                s->cursor = 0;
        } else if (code == 67 && s->cursor > 0) { /* DEL is what a PC calls backspace */
                g_string_erase(s->text, (gssize)--s->cursor, 1);
        } else if (code == 112 && s->cursor < s->text->len) { /* FORWARD_DEL */
                g_string_erase(s->text, (gssize)s->cursor, 1);
        } else if (code == 21 && s->cursor > 0) {
                s->cursor--;
        } else if (code == 22 && s->cursor < s->text->len) {
                s->cursor++;
        } else if (code == 122) {
                s->cursor = 0;
        } else if (code == 123) {
                s->cursor = s->text->len;
        } else if (code == 66 || code == 160) {
                g_free(s->entered);
                s->entered = g_strdup(s->text->str);
                g_string_truncate(s->text, 0);
                s->cursor = 0;
                sim_log_add(s->phone->log, 'I', "Demo", "entered: %s", s->entered);
        }
        s->all_selected = false;
}

static void power_key(SimScreen *s, int code)
{
        s->awake = code == KEY_WAKEUP || (code == KEY_POWER && !s->awake);
        sim_log_add(s->phone->log, 'I', "PowerManagerService",
                    s->awake ? "Waking up from %s" : "Going to sleep due to %s", sim_key_name(code));
        sim_screen_touch(s);
}

bool sim_screen_key(SimScreen *s, int code, bool shift, bool ctrl)
{
        char typed = sim_key_char(code, shift);

        if (sim_key_name(code) == NULL)
                return false;
        if (code == KEY_POWER || code == KEY_SLEEP || code == KEY_WAKEUP) {
                power_key(s, code);
                return true;
        }
        if (!s->awake)
                return true;
        g_free(s->last_key);
        s->last_key = g_strdup_printf("%s%s%s", ctrl ? "CTRL+" : "", shift ? "SHIFT+" : "",
                                      sim_key_name(code) + strlen("KEYCODE_"));
        if (code == KEY_HOME || code == KEY_BACK || code == 187)
                sim_screen_start_app(s, SIM_HOME_APP);
        else if (code == 24 || code == 25)
                s->volume = CLAMP(s->volume + (code == 24 ? 1 : -1), 0, 15);
        else if (ctrl && code == 29)
                s->all_selected = s->focus;
        else if (!ctrl && typed)
                type_char(s, typed);
        else
                edit_key(s, code);
        sim_screen_touch(s);
        return true;
}

/* --- picture --- */

cairo_surface_t *sim_screen_picture(SimScreen *s)
{
        g_autoptr(GDateTime) now = g_date_time_new_now_local();
        g_autofree char *clock =
                s->phone->clock ? g_strdup(s->phone->clock) : g_date_time_format(now, "%H:%M");

        if (s->dirty || g_strcmp0(clock, s->drawn_clock) != 0) {
                cairo_t *cr = cairo_create(s->surface);

                sim_screen_draw(s, cr, clock);
                cairo_destroy(cr);
                cairo_surface_flush(s->surface);
                g_free(s->drawn_clock);
                s->drawn_clock = g_steal_pointer(&clock);
                s->dirty = false;
        }
        return s->surface;
}
