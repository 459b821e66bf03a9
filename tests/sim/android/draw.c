/* draw.c - the picture of the simulated phone (see screen.h for the model and the fixed colours) */
#include "tests/sim/android/screen.h"

#include <math.h>
#include <string.h>

static void ink(cairo_t *cr, unsigned rgb)
{
        cairo_set_source_rgb(cr, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0);
}

static void box(cairo_t *cr, unsigned rgb, double x, double y, double w, double h)
{
        ink(cr, rgb);
        cairo_rectangle(cr, x, y, w, h);
        cairo_fill(cr);
}

static void round_box(cairo_t *cr, unsigned rgb, double x, double y, double w, double h, double r)
{
        ink(cr, rgb);
        cairo_new_sub_path(cr);
        cairo_arc(cr, x + w - r, y + r, r, -M_PI / 2, 0);
        cairo_arc(cr, x + w - r, y + h - r, r, 0, M_PI / 2);
        cairo_arc(cr, x + r, y + h - r, r, M_PI / 2, M_PI);
        cairo_arc(cr, x + r, y + r, r, M_PI, 3 * M_PI / 2);
        cairo_close_path(cr);
        cairo_fill(cr);
}

/* anchor: 0 left, 0.5 centre, 1 right; y is the base line. Returns the width. */
static double text(cairo_t *cr, unsigned rgb, double size, double x, double y, double anchor, const char *s)
{
        cairo_text_extents_t e;

        cairo_set_font_size(cr, size);
        cairo_text_extents(cr, s, &e);
        ink(cr, rgb);
        cairo_move_to(cr, x - e.x_advance * anchor, y);
        cairo_show_text(cr, s);
        return e.x_advance;
}

static unsigned package_colour(const char *name)
{
        static const unsigned palette[] = {0x6d4c41, 0x5e35b1, 0x00838f, 0xad1457,
                                           0x558b2f, 0x4527a0, 0xef6c00};

        if (strcmp(name, "com.testbed.demo") == 0)
                return 0x00897b;
        if (strcmp(name, "com.testbed.paint") == 0)
                return SIM_INK;
        if (strcmp(name, "com.android.settings") == 0)
                return 0x546e7a;
        return palette[g_str_hash(name) % G_N_ELEMENTS(palette)];
}

/* com.testbed.demo -> Demo */
char *sim_package_title(const char *name)
{
        const char *dot = strrchr(name, '.');
        char *title = g_strdup(dot && dot[1] ? dot + 1 : name);

        title[0] = g_ascii_toupper(title[0]);
        return title;
}

static void status_bar(SimScreen *s, cairo_t *cr, const char *clock)
{
        const SimBattery *b = &s->phone->battery;
        g_autofree char *level = g_strdup_printf("%d%%", b->level);
        double fill = 30 * CLAMP(b->level, 0, 100) / 100.0;

        box(cr, 0x101418, 0, 0, SIM_WIDTH, SIM_STATUS_H);
        text(cr, 0xffffff, 22, 20, 32, 0, clock);
        text(cr, 0x90a4ae, 16, SIM_WIDTH / 2.0, 30, 0.5, "SIMULATED PHONE");
        text(cr, 0xffffff, 20, 472, 32, 1, level);
        box(cr, 0xcfd8dc, 484, 15, 34, 20);
        box(cr, 0xcfd8dc, 518, 20, 4, 10);
        box(cr, 0x101418, 486, 17, 30, 16);
        box(cr, b->level <= 15 ? 0xe53935 : b->plugged ? 0x43a047 : 0xcfd8dc, 486, 17, fill, 16);
}

static void nav_bar(cairo_t *cr)
{
        double y = (SIM_NAV_Y + SIM_HEIGHT) / 2.0;

        box(cr, 0x101418, 0, SIM_NAV_Y, SIM_WIDTH, SIM_HEIGHT - SIM_NAV_Y);
        ink(cr, 0xcfd8dc);
        cairo_move_to(cr, 78, y);
        cairo_line_to(cr, 100, y - 13);
        cairo_line_to(cr, 100, y + 13);
        cairo_close_path(cr);
        cairo_fill(cr);
        cairo_arc(cr, 270, y, 13, 0, 2 * M_PI);
        cairo_fill(cr);
        cairo_rectangle(cr, 438, y - 12, 24, 24);
        cairo_fill(cr);
}

static void title_bar(cairo_t *cr, const char *package)
{
        g_autofree char *title = sim_package_title(package);

        box(cr, package_colour(package), 0, SIM_STATUS_H, SIM_WIDTH, SIM_TITLE_H);
        text(cr, 0xffffff, 30, 30, SIM_STATUS_H + 47, 0, title);
}

static void draw_home(SimScreen *s, cairo_t *cr)
{
        cairo_pattern_t *sky = cairo_pattern_create_linear(0, SIM_STATUS_H, 0, SIM_NAV_Y);
        int at = 0;

        cairo_pattern_add_color_stop_rgb(sky, 0, 0.10, 0.16, 0.32);
        cairo_pattern_add_color_stop_rgb(sky, 1, 0.42, 0.24, 0.48);
        cairo_set_source(cr, sky);
        cairo_rectangle(cr, 0, SIM_STATUS_H, SIM_WIDTH, SIM_NAV_Y - SIM_STATUS_H);
        cairo_fill(cr);
        cairo_pattern_destroy(sky);
        for (guint i = 0; i < s->phone->packages->len; i++) {
                SimPackage *p = g_ptr_array_index(s->phone->packages, i);
                double x = at % 3 * SIM_CELL_W + SIM_CELL_W / 2.0, y = SIM_ICONS_Y + at / 3 * SIM_CELL_H;

                if (strcmp(p->name, "android") == 0)
                        continue;
                if (y + SIM_CELL_H > SIM_NAV_Y)
                        break;
                g_autofree char *title = sim_package_title(p->name);
                char letter[2] = {title[0], '\0'};

                round_box(cr, package_colour(p->name), x - 52, y + 10, 104, 104, 24);
                text(cr, 0xffffff, 56, x, y + 82, 0.5, letter);
                text(cr, 0xffffff, 20, x, y + 144, 0.5, title);
                at++;
        }
}

static void draw_field(SimScreen *s, cairo_t *cr)
{
        double x = SIM_FIELD_X + 16, y = SIM_FIELD_Y + 45, w;
        g_autofree char *before = g_strndup(s->text->str, s->cursor);

        box(cr, s->focus ? 0x1e88e5 : 0x90a4ae, SIM_FIELD_X, SIM_FIELD_Y, SIM_FIELD_W, SIM_FIELD_H);
        box(cr, SIM_PAPER, SIM_FIELD_X + 4, SIM_FIELD_Y + 4, SIM_FIELD_W - 8, SIM_FIELD_H - 8);
        cairo_save(cr);
        cairo_rectangle(cr, SIM_FIELD_X + 4, SIM_FIELD_Y + 4, SIM_FIELD_W - 8, SIM_FIELD_H - 8);
        cairo_clip(cr);
        if (s->text->len == 0 && !s->focus)
                text(cr, 0x90a4ae, 28, x, y, 0, "Tap and type");
        cairo_set_font_size(cr, 28);
        cairo_text_extents_t e;
        cairo_text_extents(cr, before, &e);
        if (e.x_advance > SIM_FIELD_W - 40)
                x -= e.x_advance - (SIM_FIELD_W - 40);
        if (s->all_selected) {
                cairo_text_extents_t all;

                cairo_text_extents(cr, s->text->str, &all);
                box(cr, 0x90caf9, x, SIM_FIELD_Y + 12, all.x_advance, SIM_FIELD_H - 24);
        }
        w = e.x_advance;
        text(cr, 0x212121, 28, x, y, 0, s->text->str);
        if (s->focus)
                box(cr, 0x1e88e5, x + w, SIM_FIELD_Y + 14, 3, SIM_FIELD_H - 28);
        cairo_restore(cr);
}

static void draw_list(SimScreen *s, cairo_t *cr)
{
        cairo_save(cr);
        cairo_rectangle(cr, 0, SIM_LIST_Y, SIM_WIDTH, SIM_NAV_Y - SIM_LIST_Y);
        cairo_clip(cr);
        for (int row = s->scroll / SIM_ROW_H; row < SIM_ROWS; row++) {
                double y = SIM_LIST_Y + row * SIM_ROW_H - s->scroll;
                g_autofree char *label = g_strdup_printf("Row %d", row);

                if (y >= SIM_NAV_Y)
                        break;
                box(cr,
                    row == s->selected ? SIM_ROW_SELECTED
                    : row % 2          ? SIM_ROW_ODD
                                       : SIM_ROW_EVEN,
                    0, y, SIM_WIDTH, SIM_ROW_H);
                text(cr, row == s->selected ? 0x212121 : 0xeceff1, 28, 40, y + 50, 0, label);
        }
        cairo_restore(cr);
}

static void draw_demo(SimScreen *s, cairo_t *cr)
{
        static const unsigned colours[3][2] = {
                {SIM_RED_OFF, SIM_RED_ON}, {SIM_GREEN_OFF, SIM_GREEN_ON}, {SIM_BLUE_OFF, SIM_BLUE_ON}};
        g_autofree char *line = s->entered && g_strcmp0(s->last_key, "ENTER") == 0
                                        ? g_strdup_printf("Entered: %s", s->entered)
                                        : g_strdup_printf("Last key: %s", s->last_key ? s->last_key : "none");

        box(cr, 0xeceff1, 0, SIM_STATUS_H, SIM_WIDTH, SIM_NAV_Y - SIM_STATUS_H);
        title_bar(cr, s->app);
        draw_field(s, cr);
        for (int i = 0; i < 3; i++) {
                g_autofree char *count = g_strdup_printf("%u", s->taps[i]);

                box(cr, colours[i][s->taps[i] % 2], SIM_BUTTON_X(i), SIM_BUTTON_Y, SIM_BUTTON_W,
                    SIM_BUTTON_H);
                text(cr, 0xffffff, 40, SIM_BUTTON_X(i) + SIM_BUTTON_W / 2.0, SIM_BUTTON_Y + 64, 0.5, count);
        }
        text(cr, 0x37474f, 24, 30, SIM_KEY_Y + 36, 0, line);
        draw_list(s, cr);
}

static void draw_paint(SimScreen *s, cairo_t *cr)
{
        box(cr, SIM_PAPER, 0, SIM_STATUS_H, SIM_WIDTH, SIM_NAV_Y - SIM_STATUS_H);
        ink(cr, SIM_INK);
        cairo_set_line_width(cr, 12);
        cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
        cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
        for (guint i = 0; i < s->points->len; i++) {
                SimPoint p = g_array_index(s->points, SimPoint, i);

                if (p.start) {
                        cairo_stroke(cr);
                        cairo_move_to(cr, p.x, p.y);
                }
                cairo_line_to(cr, p.x, p.y);
        }
        cairo_stroke(cr);
        title_bar(cr, s->app);
}

static void draw_settings(SimScreen *s, cairo_t *cr)
{
        const SimBattery *b = &s->phone->battery;
        static const char *const shown[][2] = {{"Model", "ro.product.model"},
                                               {"Serial", "ro.serialno"},
                                               {"Android", "ro.build.version.release"}};
        g_autofree char *battery = g_strdup_printf("Battery: %d %%, %.1f °C, %d mV", b->level,
                                                   b->temperature / 10.0, b->voltage);
        double y = SIM_STATUS_H + SIM_TITLE_H;

        box(cr, 0xeceff1, 0, SIM_STATUS_H, SIM_WIDTH, SIM_NAV_Y - SIM_STATUS_H);
        title_bar(cr, s->app);
        for (guint i = 0; i < G_N_ELEMENTS(shown); i++) {
                const char *value = g_hash_table_lookup(s->phone->props, shown[i][1]);
                g_autofree char *line = g_strdup_printf("%s: %s", shown[i][0], value ? value : "");

                text(cr, 0x263238, 26, 30, y += 60, 0, line);
        }
        text(cr, 0x263238, 26, 30, y += 60, 0, battery);
        text(cr, 0x78909c, 22, 30, y += 80, 0, "This is a simulator that Testbed's tests and");
        text(cr, 0x78909c, 22, 30, y += 34, 0, "its demo bench use. It is not a real phone.");
}

static void draw_other(SimScreen *s, cairo_t *cr)
{
        box(cr, 0xeceff1, 0, SIM_STATUS_H, SIM_WIDTH, SIM_NAV_Y - SIM_STATUS_H);
        title_bar(cr, s->app);
        text(cr, 0x37474f, 26, SIM_WIDTH / 2.0, 560, 0.5, s->app);
        text(cr, 0x78909c, 22, SIM_WIDTH / 2.0, 600, 0.5, "an installed app; it has no code here");
}

void sim_screen_draw(SimScreen *s, cairo_t *cr, const char *clock)
{
        if (!s->awake) {
                box(cr, 0, 0, 0, SIM_WIDTH, SIM_HEIGHT);
                return;
        }
        cairo_select_font_face(cr, "sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
        if (strcmp(s->app, SIM_HOME_APP) == 0)
                draw_home(s, cr);
        else if (strcmp(s->app, "com.testbed.demo") == 0)
                draw_demo(s, cr);
        else if (strcmp(s->app, "com.testbed.paint") == 0)
                draw_paint(s, cr);
        else if (strcmp(s->app, "com.android.settings") == 0)
                draw_settings(s, cr);
        else
                draw_other(s, cr);
        status_bar(s, cr, clock);
        nav_bar(cr);
}
