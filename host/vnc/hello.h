#pragma once
/*
 * The greeting of RFB (RFC 6143 §7.1, 7.2; versions 3.3, 3.7, 3.8), seen from the server: version, security
 * type, VNC authentication, ClientInit. We do it ourselves, before libvncserver sees the connection: its list
 * of security types is one for the whole process (a viewer of a port with a password could choose "None"
 * because another port offers it), it waits for slow peers in blocking reads, and it knows no reason texts.
 * ServerInit is the library's again.
 *
 * Pure but for random bytes: bytes in, bytes out; any thread. feed() takes exactly what tb_vnc_hello_want()
 * says, so that nothing of what the viewer sends afterwards is swallowed.
 */
#include <glib.h>
#include <stdbool.h>

#include "lib/http/auth.h"

#define TB_VNC_CHALLENGE 16 /* bytes */

typedef struct TbVncHelloOptions {
        const char *password;      /* full control; NULL: none */
        const char *view_password; /* watching only; NULL: none */
        TbRole open_role;          /* what a viewer may do when no password is set */
        const char *refuse;        /* refuse with this reason; NULL: let in */
} TbVncHelloOptions;

typedef enum TbVncHelloStep {
        TB_VNC_HELLO_VERSION,
        TB_VNC_HELLO_SECURITY,
        TB_VNC_HELLO_AUTH,
        TB_VNC_HELLO_INIT,   /* let in, ClientInit is to come */
        TB_VNC_HELLO_DONE,   /* let in: tb_vnc_hello_role() */
        TB_VNC_HELLO_FAILED, /* refused: send what is in `out`, then close */
} TbVncHelloStep;

typedef struct TbVncHello TbVncHello;

TbVncHello *tb_vnc_hello_new(const TbVncHelloOptions *options,
                             GByteArray *out); /* options are copied; appends our version to `out` */
void tb_vnc_hello_free(TbVncHello *hello);
/* Bytes consumed; 0: more are needed; -1: a violation (error set). Answers are appended to `out`. */
gssize tb_vnc_hello_feed(TbVncHello *hello, const guint8 *bytes, gsize size, GByteArray *out, GError **error);
gsize tb_vnc_hello_want(const TbVncHello *hello); /* how many bytes the next step takes; 0 when it is over */
TbVncHelloStep tb_vnc_hello_step(const TbVncHello *hello);
TbRole tb_vnc_hello_role(const TbVncHello *hello);
bool tb_vnc_hello_wrong_password(const TbVncHello *hello); /* FAILED because of that */

/* What a viewer answers to `challenge`: DES with the password's first 8 bytes, bits mirrored. For the
 * server's check and for tests. */
void tb_vnc_respond(const char *password, const guint8 challenge[TB_VNC_CHALLENGE],
                    guint8 ret_response[TB_VNC_CHALLENGE]);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbVncHello, tb_vnc_hello_free)
