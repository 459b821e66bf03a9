#pragma once
/*
 * The clipboard of one VNC viewer: cut text of RFC 6143 (7.5.6, 7.6.4: Latin-1) and the extended one of the RFB community's protocol
 * (pseudo-encoding 0xC0A1E5CE: UTF-8, told first, and sent when it is asked for). libvncserver 0.9.14 answers the encoding; the
 * messages are ours: it ends the session of a viewer whose deflated text is complete. Thread: the viewer's.
 */
#include <glib.h>
#include <rfb/rfb.h>
#include <stdbool.h>

typedef struct TbVncClip {
        char *text;    /* owned: what the device copied last while this one was there; NULL: nothing */
        guint32 flags; /* what the viewer says it can; 0: not yet */
        guint32 max;   /* bytes that it takes unasked */
        bool told;     /* what we can */
} TbVncClip;

void tb_vnc_clip_clear(TbVncClip *clip);
/* Once the viewer knows the extended one. False, as of all here: it takes nothing any more. */
bool tb_vnc_clip_announce(TbVncClip *clip, rfbClientPtr client);
bool tb_vnc_clip_send(TbVncClip *clip, rfbClientPtr client, char *text_take);
/* Reads a message ClientCutText. *ret_text: what the viewer copied, UTF-8 of TB_LIMIT_CLIPBOARD bytes at most, the caller frees; NULL:
 * nothing that concerns the device. False: the session is over. */
bool tb_vnc_clip_read(TbVncClip *clip, rfbClientPtr client, char **ret_text);

/* --- pure --- */
/* The text of an extended message's deflated part; NULL: there is none, or it is no text, or too long. The caller frees. */
char *tb_vnc_clip_inflate(const guint8 *bytes, gsize size);
GByteArray *tb_vnc_clip_deflate(const char *text); /* the caller unrefs */
char *tb_vnc_clip_of_latin1(const guint8 *bytes, gsize size);
GByteArray *tb_vnc_clip_latin1(const char *text); /* what Latin-1 lacks is ? */
