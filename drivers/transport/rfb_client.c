/* What libvncclient is told, and what it calls. */
#include <string.h>
#include <turbojpeg.h>

#include "drivers/driver.h"
#include "drivers/transport/rfb_private.h"
#include "lib/descriptors.h"
#include "lib/limits.h"
#include "lib/log.h"

#define READ_TIMEOUT_S 10
#define COMPRESS_LEVEL 2

/* the library's log is one pair of process-wide pointers; what it says on this thread belongs to this session
 */
static _Thread_local TbRfb *speaking;

static void on_log(const char *format, ...) G_GNUC_PRINTF(1, 2);
static void on_log(const char *format, ...)
{
        if (!speaking)
                return;
        va_list args;
        va_start(args, format);
        char text[sizeof speaking->reason];
        g_vsnprintf(text, sizeof text, format, args);
        va_end(args);
        g_strchomp(text);
        /* a wrong password is told as information, not as an error */
        if (strstr(text, "ailed") || strstr(text, "ailure") || strstr(text, "oo many"))
                g_strlcpy(speaking->reason, text, sizeof speaking->reason);
        tb_log(TB_LOG_DEBUG, TB_F("peer", speaking->peer), "rfb: %s", text);
}

static void on_complaint(const char *format, ...) G_GNUC_PRINTF(1, 2);
static void on_complaint(const char *format, ...)
{
        if (!speaking)
                return;
        va_list args;
        va_start(args, format);
        g_vsnprintf(speaking->reason, sizeof speaking->reason, format, args);
        va_end(args);
        g_strchomp(speaking->reason);
}

/* Of https://github.com/rfbproto/rfbproto, and not of the library (which knows another one of the first's name). */
#define ENCODING_LED_STATE (-261)
#define ENCODING_EXTENDED_BUTTONS (-316)

/* A rectangle of one byte: which of the machine's lights are on. Another one of none: the server takes pointer events with
 * a byte more, for buttons behind the eighth. */
static rfbBool on_encoding(rfbClient *client, rfbFramebufferUpdateRectHeader *rect)
{
        TbRfb *rfb = rfbClientGetClientData(client, on_log);
        guint8 leds;
        if (!rfb)
                return FALSE;
        switch ((gint32)rect->encoding) {
        case ENCODING_EXTENDED_BUTTONS: rfb->many_buttons = true; return TRUE;
        case ENCODING_LED_STATE:
                if (!ReadFromRFBServer(client, (char *)&leds, 1))
                        return FALSE;
                rfb->leds = leds;
                return TRUE;
        default: return FALSE;
        }
}

static void library_setup(void)
{
        static rfbClientProtocolExtension extension = {.handleEncoding = on_encoding};
        static gsize done;
        if (g_once_init_enter(&done)) {
                rfbClientLog = on_log;
                rfbClientErr = on_complaint;
                rfbClientRegisterExtension(&extension);
                g_once_init_leave(&done, 1);
        }
}

/* --- callbacks of the library, all on the worker while it is inside a call --- */
static TbRfb *self_of(rfbClient *client)
{
        return rfbClientGetClientData(client, on_log);
}

static rfbBool on_size(rfbClient *client)
{
        TbRfb *rfb = self_of(client);
        if (client->width < 1 || client->height < 1 || client->width > TB_LIMIT_VIDEO_SIDE ||
            client->height > TB_LIMIT_VIDEO_SIDE) {
                g_snprintf(rfb->reason, sizeof rfb->reason,
                           "the screen is %dx%d, at most %d pixels a side are supported", client->width,
                           client->height, TB_LIMIT_VIDEO_SIDE);
                return FALSE;
        }
        free(client->frameBuffer); /* the library frees it by free() in the end */
        client->frameBuffer = calloc((size_t)client->width * (size_t)client->height, 4);
        client->updateRect.x = client->updateRect.y = 0;
        client->updateRect.w = client->width;
        client->updateRect.h = client->height;
        g_array_set_size(rfb->damage, 0);
        rfb->whole = true;
        return client->frameBuffer != NULL;
}

/* What a probe (rfb_probe.c) was answered is no new picture, unless that pixel changed. */
static void on_update(rfbClient *client, int x, int y, int w, int h)
{
        TbRfb *rfb = self_of(client);
        TbRect rect = {x, y, w, h};
        bool probed = rfb->probing && x == 0 && y == 0;
        if (probed)
                rfb->probing = false;
        if (rfb->running && !(probed && w == 1 && h == 1 &&
                              rfb->corner == *(const guint32 *)(gconstpointer)client->frameBuffer))
                g_array_append_val(rfb->damage, rect);
}

static void on_cut_text(rfbClient *client, const char *bytes, int size)
{
        TbRfb *rfb = self_of(client);
        if (!rfb->o.clipboard)
                return;
        GString *text = g_string_new(NULL);
        for (int i = 0; i < size && bytes[i] && text->len <= TB_LIMIT_CLIPBOARD; i++)
                if (bytes[i] != '\r')
                        g_string_append_unichar(text, (guint8)bytes[i]);
        if (text->len <= TB_LIMIT_CLIPBOARD)
                rfb->o.clipboard(rfb->o.data, text->str);
        g_string_free(text, TRUE);
}

static void on_finished(rfbClient *client)
{
        self_of(client)->finished = true;
}

static char *on_password(rfbClient *client)
{
        TbRfb *rfb = self_of(client);
        if (!rfb->password || !*rfb->password)
                g_strlcpy(rfb->reason, "the server wants a password: set the parameter \"password\"",
                          sizeof rfb->reason);
        return rfb->password && *rfb->password
                       ? strdup(rfb->password)
                       : NULL; /* libvncclient gives up on both, but forgets to free an empty one */
}

/* --- calling it --- */
bool tb_rfb_fail(TbRfb *rfb, TbIo *io, const char *what, GError **error)
{
        if (tb_guard_fired(rfb->guard) || tb_interruptor_raised(io->stop))
                return tb_io_fail(TB_WAIT_STOP, rfb->peer, error);
        TbErrorCode code = TB_ERROR_DEVICE;
        if (strstr(rfb->reason, "assword") || strstr(rfb->reason, "uthenticat"))
                code = TB_ERROR_UNAUTHORIZED;
        else if (!rfb->reason[0] || strstr(rfb->reason, "closed connection") ||
                 strstr(rfb->reason, "read (") || strstr(rfb->reason, "write"))
                code = TB_ERROR_GONE;
        tb_set_error(error, (int)code, "%s: %s%s%s", rfb->peer, what, rfb->reason[0] ? ": " : "",
                     rfb->reason);
        return false;
}

void tb_rfb_enter(TbRfb *rfb)
{
        speaking = rfb;
        rfb->reason[0] = '\0';
        tb_guard_busy(rfb->guard, true);
}

void tb_rfb_leave(TbRfb *rfb)
{
        tb_guard_busy(rfb->guard, false);
        speaking = NULL;
}

rfbClient *tb_rfb_client_new(TbRfb *rfb)
{
        library_setup();
        rfbClient *c = rfbGetClient(8, 3, 4);
        rfbClientSetClientData(c, on_log, rfb);
        c->MallocFrameBuffer = on_size;
        c->GotFrameBufferUpdate = on_update;
        c->FinishedFrameBufferUpdate = on_finished;
        c->GetPassword = on_password;
        c->GotXCutText = on_cut_text;
        c->readTimeout = READ_TIMEOUT_S;
        c->format.bitsPerPixel = 32;
        c->format.depth = 24;
        c->format.bigEndian = FALSE;
        c->format.trueColour = TRUE;
        c->format.redMax = c->format.greenMax = c->format.blueMax = 255;
        c->format.redShift = 16;
        c->format.greenShift = 8;
        c->format.blueShift = 0;
        c->appData.shareDesktop = !rfb->o.exclusive;
        c->appData.useRemoteCursor = FALSE; /* the server paints it into the picture */
        c->programName = "testbed";
        return c;
}

void tb_rfb_client_free(TbRfb *rfb)
{
        free(rfb->client->frameBuffer);
        rfb->client->frameBuffer = NULL;
        /* the cursor's shape, which a server may send unasked: rfbClientCleanup() of 0.9.14 leaves it behind
         */
        g_clear_pointer(&rfb->client->rcSource, free);
        if (rfb->client->tjhnd) /* and the decoder of Tight's JPEG */
                tjDestroy(g_steal_pointer(&rfb->client->tjhnd));
        g_clear_pointer(&rfb->client->rcMask, free);
        tb_descriptors_low_close(rfb->client->sock); /* it would be closed, and its number anybody's */
        rfb->client->sock = RFB_INVALID_SOCKET;
        speaking = rfb;
        rfbClientCleanup(rfb->client);
        speaking = NULL;
}

/* --- what we want of the server --- */
static const struct {
        const char *name;
        gint32 number; /* https://github.com/rfbproto/rfbproto/blob/master/rfbproto.rst, "Encodings" */
} encodings[] = {{"raw", rfbEncodingRaw},         {"copyrect", rfbEncodingCopyRect},
                 {"hextile", rfbEncodingHextile}, {"zlib", rfbEncodingZlib},
                 {"zrle", rfbEncodingZRLE},       {"tight", rfbEncodingTight}};

/* `first`: what QEMU answers each time by the whole screen's size, too. */
static guint list_encodings(const TbRfb *rfb, bool first, guint32 *list)
{
        guint n = 0;
        g_auto(GStrv) words = g_strsplit(rfb->encodings, " ", G_N_ELEMENTS(encodings));
        for (char **word = words; *word; word++)
                for (guint i = 0; i < G_N_ELEMENTS(encodings); i++)
                        if (strcmp(*word, encodings[i].name) == 0)
                                list[n++] = GUINT32_TO_BE((guint32)encodings[i].number);
        list[n++] = GUINT32_TO_BE(rfbEncodingCompressLevel0 + COMPRESS_LEVEL);
        if (rfb->o.quality >= 0)
                list[n++] = GUINT32_TO_BE(rfbEncodingQualityLevel0 + (guint32)rfb->o.quality);
        const char *name = rfb->client->desktopName;
        if (rfb->o.layout || (name && g_str_has_prefix(name, "QEMU"))) { /* others find the keys themselves */
                if (first)
                        list[n++] = GUINT32_TO_BE(rfbEncodingQemuExtendedKeyEvent);
                list[n++] = GUINT32_TO_BE((guint32)ENCODING_LED_STATE);
        }
        list[n++] = GUINT32_TO_BE((guint32)ENCODING_EXTENDED_BUTTONS);
        list[n++] = GUINT32_TO_BE(rfbEncodingNewFBSize);
        list[n++] = GUINT32_TO_BE(rfbEncodingLastRect);
        return n;
}

static bool set_encodings(TbRfb *rfb, bool first)
{
        guint32 list[G_N_ELEMENTS(encodings) + 7];
        guint n = list_encodings(rfb, first, list);
        rfbSetEncodingsMsg head = {.type = rfbSetEncodings, .nEncodings = GUINT16_TO_BE((guint16)n)};
        return WriteToRFBServer(rfb->client, (const char *)&head, sz_rfbSetEncodingsMsg) &&
               WriteToRFBServer(rfb->client, (const char *)list, n * sizeof *list);
}

/* Not the library's SetFormatAndEncodings(): that asks for ExtendedDesktopSize in any case, which QEMU then prefers to
 * DesktopSize; but the library takes a screen with the id 0, as QEMU's is, for none, and the change of size is lost
 * (libvncclient 0.9.14). It also asks for SupportedMessages, which would undo that we decide when to ask. */
bool tb_rfb_client_negotiate(TbRfb *rfb)
{
        rfbClient *c = rfb->client;
        rfbSetPixelFormatMsg format = {0};
        format.type = rfbSetPixelFormat;
        format.format = c->format;
        format.format.redMax = GUINT16_TO_BE(format.format.redMax);
        format.format.greenMax = GUINT16_TO_BE(format.format.greenMax);
        format.format.blueMax = GUINT16_TO_BE(format.format.blueMax);
        return WriteToRFBServer(c, (const char *)&format, sz_rfbSetPixelFormatMsg) &&
               set_encodings(rfb, true);
}

bool tb_rfb_client_ask_lights(TbRfb *rfb)
{
        rfb->corner = *(const guint32 *)(gconstpointer)rfb->client->frameBuffer;
        return set_encodings(rfb, false);
}
