#pragma once
/*
 * screen.h - the screen of the simulated phone: what is on it, and what touches and keys do to it
 *
 * A model (this file, screen.c) and its picture (draw.c). The picture is drawn again only when somebody
 * looks after the model has changed. All colours and rectangles that tests rely on are macros here.
 * Coordinates are pixels of the SIM_WIDTH x SIM_HEIGHT picture. Main loop only.
 */
#include <cairo.h>
#include <glib.h>
#include <stdbool.h>

#include "tests/sim/android/phone.h"

#define SIM_WIDTH 540
#define SIM_HEIGHT 1170
#define SIM_STATUS_H 48 /* status bar, top */
#define SIM_NAV_Y 1110  /* navigation bar, from here to the bottom: back | home | home */
#define SIM_TITLE_H 72  /* an app's title bar, below the status bar */

/* Home: icons in cells of CELL_W x CELL_H from ICONS_Y on, three in a row, in the order of the packages. */
#define SIM_ICONS_Y 120
#define SIM_CELL_W 180
#define SIM_CELL_H 190

/* Demo app: a text field, three buttons, the last key, a list that scrolls. */
#define SIM_FIELD_X 30
#define SIM_FIELD_Y 140
#define SIM_FIELD_W 480
#define SIM_FIELD_H 70
#define SIM_BUTTON_Y 240
#define SIM_BUTTON_W 150
#define SIM_BUTTON_H 100
#define SIM_BUTTON_X(i) (30 + 165 * (i))
#define SIM_KEY_Y 360
#define SIM_LIST_Y 430
#define SIM_ROW_H 80
#define SIM_ROWS 50

/* 0xRRGGBB; a button shows _OFF after an even number of taps and _ON after an odd one */
#define SIM_RED_OFF 0x7a1f1f
#define SIM_RED_ON 0xe53935
#define SIM_GREEN_OFF 0x1f5a24
#define SIM_GREEN_ON 0x43a047
#define SIM_BLUE_OFF 0x1a3f75
#define SIM_BLUE_ON 0x1e88e5
#define SIM_ROW_EVEN 0x263238
#define SIM_ROW_ODD 0x37474f
#define SIM_ROW_SELECTED 0xffb300
#define SIM_PAPER 0xfafafa
#define SIM_INK 0xd81b60

#define SIM_HOME_APP "com.testbed.launcher"
#define SIM_TEXT_MAX 200
#define SIM_POINTS_MAX 20000

struct SimScreen {
        SimPhone *phone;          /* borrowed, owns this */
        cairo_surface_t *surface; /* owned, ARGB32 */
        bool dirty;
        bool awake;
        char *drawn_clock; /* owned: the time that the picture shows */
        char *app;         /* owned: package in front */
        guint64 changes;   /* counts changes of the model */
        /* demo app */
        GString *text; /* owned: what the field holds */
        gsize cursor;
        bool focus, all_selected;
        char *entered; /* owned: what Enter took out of the field */
        unsigned taps[3];
        char *last_key; /* owned */
        int scroll;     /* pixels */
        int selected;   /* row, -1 none */
        /* paint app */
        GArray *points; /* owned: of SimPoint */
        int volume;
        /* the finger */
        bool down, dragging;
        double down_x, down_y, last_x, last_y;
};

typedef struct {
        short x, y;
        bool start; /* begins a stroke */
} SimPoint;

SimScreen *sim_screen_new(SimPhone *phone);
void sim_screen_free(SimScreen *screen);
void sim_screen_reset(SimScreen *screen); /* as after a boot */
void sim_screen_touch(SimScreen *screen); /* the picture is out of date */

void sim_screen_pointer_down(SimScreen *screen, double x, double y);
void sim_screen_pointer_move(SimScreen *screen, double x, double y);
void sim_screen_pointer_up(SimScreen *screen, double x, double y);
void sim_screen_text(SimScreen *screen, const char *text); /* printable ASCII */
/* Press the key with this Android code while the codes in `held` are down. False: no such key. */
bool sim_screen_key(SimScreen *screen, int code, bool shift, bool ctrl);
void sim_screen_start_app(SimScreen *screen, const char *package);
void sim_screen_stop_app(SimScreen *screen, const char *package);

/* The current picture, drawn if need be; borrowed until the next call. */
cairo_surface_t *sim_screen_picture(SimScreen *screen);

/* draw.c */
char *sim_package_title(const char *name); /* "com.testbed.demo" -> "Demo"; owned */
void sim_screen_draw(SimScreen *screen, cairo_t *cr, const char *clock);
