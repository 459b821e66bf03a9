/*
 * A VNC viewer that only counts: vnc_count HOST:PORT SECONDS [ENCODINGS [FILE]]
 * Asks like TigerVNC on a LAN (Tight with JPEG, quality 8, compression 2), by libvncclient, and asks again as
 * soon as an update is complete. The picture carries a frame number (tests/tools/x11_motion.c): the updates
 * that show a new one count as frames. ENCODINGS "h264": encoding 50 before all others, which the library does not know: its access units are
 * not decoded, each counts as a frame. Prints one line of JSON:
 * {"frames","updates","pixels","rows","bytes","seconds"}. `bytes`: that came, of all kinds. `pixels`: painted, in pictures of full size; `rows`: height
 * of the last update's first rectangle. FILE: the last picture, asked for as a whole, 4 bytes a pixel, red
 * first.
 */
#include <glib.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <rfb/rfbclient.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <turbojpeg.h>

static guint64 pixels, updates, frames;
static guint32 last_number = G_MAXUINT32;
static int rows;       /* of the first rectangle of the last update */
static bool in_update; /* a rectangle has come */

static void on_rect(rfbClient *client, int x, int y, int w, int h)
{
        (void)client;
        (void)x;
        (void)y;
        pixels += (guint64)w * (guint64)h;
        if (!in_update)
                rows = h;
        in_update = true;
}

/* 16 blocks of 16x16 in the first row, black = 0, white = 1: survives JPEG. */
static guint32 number_of(const rfbClient *client)
{
        guint32 number = 0;
        for (int bit = 0; bit < 16; bit++) {
                const guint8 *p =
                        client->frameBuffer + ((gsize)8 * (gsize)client->width + (gsize)bit * 16 + 8) * 4;
                if (p[1] > 127)
                        number |= 1u << bit;
        }
        return number;
}

static void on_update(rfbClient *client)
{
        updates++;
        in_update = false;
        guint32 number = number_of(client);
        if (number != last_number)
                frames++;
        last_number = number;
}

/* --- H.264 --- */
#define H264 50
static int h264_encodings[] = {H264, 0};
static guint8 unit[8 * 1024 * 1024];

static rfbBool on_h264(rfbClient *client, rfbFramebufferUpdateRectHeader *rect)
{
        guint32 head[2];
        if (rect->encoding != H264 || !ReadFromRFBServer(client, (char *)head, sizeof head))
                return FALSE;
        gsize size = GUINT32_FROM_BE(head[0]);
        if (size > sizeof unit || !ReadFromRFBServer(client, (char *)unit, (unsigned)size))
                return FALSE;
        frames++;
        return TRUE;
}

static rfbClientProtocolExtension h264 = {.encodings = h264_encodings, .handleEncoding = on_h264};

/* The library names its own encodings first, whatever it is told. */
static bool want_h264(rfbClient *client)
{
        static const gint32 wanted[] = {H264, 7 /* Tight */, -24 /* quality 8 */, -254 /* compression 2 */,
                                        -224, -223};
        guint8 message[4 + 4 * G_N_ELEMENTS(wanted)] = {2, 0, 0, G_N_ELEMENTS(wanted)};
        for (gsize i = 0; i < G_N_ELEMENTS(wanted); i++) {
                const guint32 be = GUINT32_TO_BE((guint32)wanted[i]);
                memcpy(message + 4 + 4 * i, &be, 4);
        }
        return WriteToRFBServer(client, (char *)message, sizeof message);
}

static void quiet(const char *format, ...)
{
        (void)format;
}

/* Asks for the whole picture once more, and writes it. */
static bool keep_picture(rfbClient *client, const char *file)
{
        guint64 all = (guint64)client->width * (guint64)client->height, before = pixels;
        if (!SendFramebufferUpdateRequest(client, 0, 0, client->width, client->height, FALSE))
                return false;
        while (pixels - before < all || in_update)
                if (WaitForMessage(client, 5000000) <= 0 || !HandleRFBServerMessage(client))
                        return false;
        return g_file_set_contents(file, (char *)client->frameBuffer, (gssize)all * 4, NULL);
}

int main(int argc, char **argv)
{
        if (argc < 3)
                return 2;
        double seconds = g_ascii_strtod(argv[2], NULL);
        rfbClientLog = quiet;
        rfbClient *client = rfbGetClient(8, 3, 4);
        client->appData.encodingsString = argc > 3 ? argv[3] : "tight copyrect hextile raw";
        bool film = argc > 3 && strcmp(argv[3], "h264") == 0;
        if (film) {
                rfbClientRegisterExtension(&h264);
                client->appData.encodingsString = "tight";
        }
        client->appData.qualityLevel = 8;
        client->appData.compressLevel = 2;
        client->appData.useRemoteCursor = TRUE;
        client->GotFrameBufferUpdate = on_rect;
        client->FinishedFrameBufferUpdate = on_update;
        client->canHandleNewFBSize = TRUE;
        char program[] = "vnc_count";
        int n = 2;
        char *args[] = {program, argv[1], NULL};
        if (!rfbInitClient(client, &n, args)) {
                fprintf(stderr, "vnc_count: cannot connect to %s\n", argv[1]);
                return 1;
        }
        if (film && !want_h264(client))
                return 1;
        gint64 start = g_get_monotonic_time();
        double passed = 0;
        while ((passed = (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC) < seconds) {
                int ready = WaitForMessage(client, 100000);
                if (ready < 0 || (ready > 0 && !HandleRFBServerMessage(client))) {
                        fprintf(stderr, "vnc_count: the server closed\n");
                        return 1;
                }
        }
        struct tcp_info info = {0};
        socklen_t size = sizeof info;
        getsockopt(client->sock, IPPROTO_TCP, TCP_INFO, &info, &size);
        if (argc > 4 && !keep_picture(client, argv[4])) {
                fprintf(stderr, "vnc_count: no picture in %s\n", argv[4]);
                return 1;
        }
        printf("{\"frames\":%" G_GUINT64_FORMAT ",\"updates\":%" G_GUINT64_FORMAT
               ",\"pixels\":%.2f,\"rows\":%d,\"bytes\":%" G_GUINT64_FORMAT ",\"seconds\":%.3f}\n",
               frames, updates, (double)pixels / ((double)client->width * client->height), rows,
               (guint64)info.tcpi_bytes_received, passed);
        /* what rfbClientCleanup() of 0.9.14 leaves behind */
        g_clear_pointer(&client->frameBuffer, free);
        g_clear_pointer(&client->rcSource, free);
        g_clear_pointer(&client->rcMask, free);
        if (client->tjhnd)
                tjDestroy(g_steal_pointer(&client->tjhnd));
        rfbClientCleanup(client);
        return 0;
}
