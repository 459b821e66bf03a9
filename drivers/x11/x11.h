#pragma once
/*
 * An X display as screen, keyboard and pointer, by xcb: its errors are values, where Xlib ends the process.
 * Each lane has a connection of its own.
 */
#include <xcb/damage.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>

#include "drivers/driver.h"
#include "drivers/transport/guard.h"
#include "drivers/transport/keymap.h"
#include "drivers/transport/pace.h"

/* --- the connection (conn.c) --- */
typedef struct TbX11Conn {
        xcb_connection_t *c;  /* owned; NULL: not open */
        xcb_screen_t *screen; /* borrowed */
        TbGuard *guard;       /* owned: xcb's reads cannot be interrupted otherwise */
        bool local;           /* UNIX socket */
        char *name;           /* owned; ":1" */
} TbX11Conn;

bool tb_x11_connect(TbX11Conn *x, TbInstance *self, TbIo *io, GError **error);
void tb_x11_disconnect(TbX11Conn *x);
/* Around every call that waits for the server. `leave` says whether the connection still lives. */
void tb_x11_enter(TbX11Conn *x);
bool tb_x11_leave(TbX11Conn *x, TbIo *io, GError **error);
/* The extension's first event number, or 0 with an error. */
bool tb_x11_extension(TbX11Conn *x, xcb_extension_t *extension, const char *name, guint8 *ret_first_event,
                      GError **error);

/* --- frames that the X server writes into (buffers.c) --- */
typedef struct TbX11Buffers TbX11Buffers;
/* A pool of frames in memory that can be shared; *ret_buffers lives as long as the pool. */
TbFramePool *tb_x11_buffers_new(guint max_idle, TbX11Buffers **ret_buffers);
/* The segment by which the server reaches a frame's memory (offset 0); 0: it cannot. The screen's thread. */
xcb_shm_seg_t tb_x11_buffers_segment(TbX11Buffers *buffers, TbX11Conn *x, const guint8 *memory);
/* Most of a frame that comes again is the picture already. Rows [top, bottom) of the last whole picture changed: */
void tb_x11_buffers_changed(TbX11Buffers *buffers, int top, int bottom);
/* … a frame has something else there; */
void tb_x11_buffers_wrote(TbX11Buffers *buffers, const guint8 *memory, int top, int bottom);
/* … in which rows it has (new ones: in all, *ret_bottom may be any), which the caller puts right. False: in none. */
bool tb_x11_buffers_catch_up(TbX11Buffers *buffers, const guint8 *memory, int *ret_top, int *ret_bottom);
/* Before the connection ends or pauses; frames that are still on their way keep their memory. */
void tb_x11_buffers_detach(TbX11Buffers *buffers, TbX11Conn *x);

/* --- screen (screen.c, capture.c, cursor.c) --- */
typedef struct TbX11Cursor {
        guint32 *pixels; /* owned; premultiplied ARGB; NULL: none */
        int width, height, hot_x, hot_y;
        int x, y;     /* of the hot spot */
        TbRect drawn; /* where the last frame shows it; width 0: nowhere */
        bool reload, moved;
} TbX11Cursor;

typedef struct TbX11Screen {
        TbInstance base;
        TbX11Conn x;
        guint8 damage_event, fixes_event, randr_event;
        guint8 input_opcode;        /* 0: no XInput, the pointer's moves are seen with the next damage only */
        xcb_damage_damage_t damage; /* 0: not running */
        xcb_xfixes_region_t region;
        xcb_shm_seg_t segment; /* 0: pictures come through the socket */
        guint8 *memory; /* mapped `memory_size`, or owned by g_malloc without a segment; the whole picture */
        gsize memory_size;
        int width, height;
        bool running, damaged, whole, resized;
        bool stale; /* `memory` misses pictures that went straight into a frame */
        TbPace pace;
        TbX11Cursor cursor;
        TbFramePool *pool;     /* ref */
        TbX11Buffers *buffers; /* borrowed from pool */
} TbX11Screen;
extern const TbVideoOps tb_x11_video;
bool tb_x11_screen_open(TbInstance *self, TbIo *io, GError **error);
void tb_x11_screen_close(TbInstance *self);
bool tb_x11_screen_pump(TbInstance *self, TbIo *io, GError **error);
void tb_x11_screen_finalize(TbInstance *self);

/* Makes the place for a picture of the root window's present size. */
bool tb_x11_capture_prepare(TbX11Screen *s, GError **error);
void tb_x11_capture_release(TbX11Screen *s);
/* Takes what changed and pushes a frame. False: the connection is gone, or the picture cannot be had. */
bool tb_x11_capture(TbX11Screen *s, GError **error);

void tb_x11_cursor_load(TbX11Screen *s);
void tb_x11_cursor_locate(TbX11Screen *s);
void tb_x11_cursor_draw(TbX11Screen *s, TbFrame *frame);
/* Blends premultiplied ARGB over BGRX. Pure. */
void tb_x11_cursor_blend(const TbX11Cursor *cursor, guint8 *pixels, int stride, int width, int height,
                         TbRect *ret_drawn);

/* --- input (input.c, keys.c, keymap.c) --- */
#define TB_X11_SPARE                                                                                         \
        96 /* keycodes that may be lent to what the keyboard layout lacks; the oldest is lent anew */
typedef struct TbX11Keymap {
        TbKeymap k;
        guint8 spare[TB_X11_SPARE];
        guint n_spare, next_spare;
        guint32 lent[256]; /* the keysym that we put on each keycode; 0: none */
} TbX11Keymap;

/* --- the clipboard (clip.c), on the input's connection --- */
enum {
        TB_X11_CLIPBOARD,
        TB_X11_UTF8_STRING,
        TB_X11_UTF8_PLAIN,
        TB_X11_TEXT,
        TB_X11_TARGETS,
        TB_X11_INCR,
        TB_X11_PLACE,
        TB_X11_ATOMS
};
typedef struct TbX11Clip {
        TbX11Conn *x;        /* borrowed */
        xcb_window_t window; /* asks and owns; 0: the display has no XFIXES */
        guint8 fixes_event;
        xcb_atom_t atom[TB_X11_ATOMS];
        xcb_atom_t asked; /* as what the clipboard was asked for last */
        bool copied;      /* somebody has copied something that was not asked for yet */
        bool incoming;    /* it comes in parts */
        bool too_long;
        GByteArray *got; /* owned */
        char *own;       /* owned: what we were given; NULL: nothing yet */
} TbX11Clip;
void tb_x11_clip_open(TbX11Clip *clip, TbX11Conn *x);
void tb_x11_clip_close(TbX11Clip *clip); /* of a connection that ends, or has ended */
void tb_x11_clip_event(TbX11Clip *clip, TbInstance *self, const xcb_generic_event_t *event);
void tb_x11_clip_ask(TbX11Clip *clip); /* for what was copied last, behind a number of events */
bool tb_x11_clip_set(TbX11Clip *clip, const char *text, GError **error);

typedef struct TbX11Input {
        TbInstance base;
        TbX11Conn x;
        TbX11Clip clip;
        TbX11Keymap map;
        guint8 xkb_event;
        int buttons;      /* MouseEvent.buttons that we hold down */
        bool held[256];   /* keycodes that we hold down */
        GHashTable *down; /* owned: keysym -> the keycode that types it, for those that are held */
        bool stale;       /* the next four are of before a modifier or lock */
        guint base_mods, latched, locked, group; /* the display's, as core's bits */
} TbX11Input;
extern const TbInputOps tb_x11_input;
bool tb_x11_input_open(TbInstance *self, TbIo *io, GError **error);
void tb_x11_input_close(TbInstance *self);
bool tb_x11_input_pump(TbInstance *self, TbIo *io, GError **error);
void tb_x11_input_fake(TbX11Input *in, guint8 type, guint8 detail, int x, int y);

/* keys.c. False: no key can type it, and none was pressed. `exact`: as in TbInput. */
bool tb_x11_keys_key(TbX11Input *in, TbIo *io, guint32 keysym, TbKeyAction action, bool exact,
                     GError **error);
bool tb_x11_keys_code(TbX11Input *in, const char *code, TbKeyAction action, GError **error);
bool tb_x11_keys_text(TbX11Input *in, TbIo *io, const char *text, GError **error);
/* Reads what is really down and on; what we held and somebody else let go is not ours any more. `all`: lets go of whatever is
 * down, of a host that was killed for example. */
void tb_x11_keys_sync(TbX11Input *in, bool all);

/* False: the display has no XKB keymap. */
bool tb_x11_keymap_load(TbX11Conn *x, TbX11Keymap *map);
void tb_x11_keymap_clear(TbX11Conn *x, TbX11Keymap *map); /* gives lent keycodes back; x->c may be NULL */
/* A change of these keycodes is what we lent. */
bool tb_x11_keymap_is_own_change(const TbX11Keymap *map, guint first, guint n);
/* As tb_keymap_find(), among what is lent as well. */
guint8 tb_x11_keymap_find(TbX11Keymap *map, guint group, guint32 keysym, guint mods, guint *ret_mods);
guint8 tb_x11_keymap_lend(TbX11Conn *x, TbX11Keymap *map, guint32 keysym); /* 0: no keycode is free */
