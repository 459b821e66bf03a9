#pragma once
/* The parts of a VNC session: rfb.c its life, rfb_client.c what libvncclient is told and calls, rfb_input.c
 * keyboard and pointer. Worker thread. */
#include <rfb/rfbclient.h>

#include "drivers/driver.h"
#include "drivers/transport/guard.h"
#include "drivers/transport/keymap.h"
#include "drivers/transport/pace.h"
#include "drivers/transport/rfb.h"

struct TbRfb {
        rfbClient *client; /* owned */
        TbGuard *guard;    /* owned */
        TbRfbOptions o;
        char *password;             /* owned */
        char *encodings;            /* owned */
        char *layout;               /* owned; of `keymap` */
        char *peer;                 /* owned; for texts */
        TbFramePool *pool;          /* ref */
        GArray *damage;             /* of TbRect; since the last frame */
        bool running, asked, whole; /* asked: a request is out; whole: the next one is not incremental */
        bool finished;              /* one update is complete */
        TbPace pace;
        gint64 rouse_us; /* when the server is roused next */
        TbKeymap keymap; /* of a machine that takes places; map NULL: characters are its server's business */
        guint32 no_place[256]; /* not 0: a key of X alone, which no machine has (keymap.skip) */
        GHashTable *
                down; /* owned: keysym (or a place, RFB_PLACE) -> the keycode that was told; 0: it is told by keysym */
        guint leds;        /* the machine's lights: 1 ScrollLock, 2 NumLock, 4 CapsLock */
        int buttons;       /* RFB mask */
        bool many_buttons; /* the server takes more than eight */
        bool probing;      /* an answer is to come (rfb_probe.c) */
        guint32 corner;    /* the pixel at 0,0 before that */
        int x, y;
        char reason[256]; /* the library's last complaint */
};

/* --- rfb_keys.c: as those of x11 (drivers/x11/x11.h) --- */
bool tb_rfb_keys_key(TbRfb *rfb, TbIo *io, guint32 keysym, TbKeyAction action, bool exact, GError **error);
bool tb_rfb_keys_code(TbRfb *rfb, TbIo *io, const char *code, TbKeyAction action, GError **error);
bool tb_rfb_keys_text(TbRfb *rfb, TbIo *io, const char *text, GError **error);

/* --- rfb.c --- */
/* A request for pixels, whole or for what changes in them. */
bool tb_rfb_request(TbRfb *rfb, const TbRect *rect, bool whole);
/* Reads one message of the server's; what it holds goes where it belongs. False: the session ended. */
bool tb_rfb_take(TbRfb *rfb);

/* --- rfb_probe.c --- */
/* True when the server has read all that was sent: TIMEOUT after TB_LIMIT_RFB_SILENT_MS, and `probing` stays. */
bool tb_rfb_probe(TbRfb *rfb, TbIo *io, GError **error);
/* The answer to a probe that is out, for `ms`. */
bool tb_rfb_probe_wait(TbRfb *rfb, TbIo *io, int ms, GError **error);

/* --- rfb_client.c --- */
/* QEMU answers by its lights. */
bool tb_rfb_client_ask_lights(TbRfb *rfb);
/* A client of the library for rfb->o, not connected. */
rfbClient *tb_rfb_client_new(TbRfb *rfb);
void tb_rfb_client_free(TbRfb *rfb);
/* SetPixelFormat and SetEncodings: what we want of the server. */
bool tb_rfb_client_negotiate(TbRfb *rfb);
/* Around each call into the library that may block: its log is this session's, and a stop interrupts it. */
void tb_rfb_enter(TbRfb *rfb);
void tb_rfb_leave(TbRfb *rfb);
/* Sets the error from the library's last complaint; false. */
bool tb_rfb_fail(TbRfb *rfb, TbIo *io, const char *what, GError **error);
