#pragma once
/*
 * The first bytes of a connection to a raw port. Every web page can make a browser connect to one on this
 * machine and send a request with words of its choice: none of them may reach a board. Pure: any thread.
 * Sources: RFC 9112 §3 (request line), RFC 9113 §3.4 (preface), RFC 8446 §5.1 (a TLS record with a ClientHello).
 */
#include <glib.h>

typedef enum TbFirst {
        TB_FIRST_OWN,     /* no browser: pass it on */
        TB_FIRST_FOREIGN, /* HTTP or TLS: end the connection */
        TB_FIRST_SHORT,   /* may still be either: a human's first key is, for TB_FIRST_KEY_MS */
        TB_FIRST_LONG, /* a method and a space came: a program's line, whose end comes within TB_FIRST_LINE_MS */
} TbFirst;

#define TB_FIRST_KEY_MS 50    /* how long a keystroke may be held back */
#define TB_FIRST_LINE_MS 2000 /* and the beginning of a line that looks like a request */
#define TB_FIRST_TARGET 8192  /* bytes: no line of a board's user is a longer request target */

TbFirst tb_first_look(const guint8 *bytes, gsize size);
