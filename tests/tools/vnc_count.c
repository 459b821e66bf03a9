/*
 * A VNC viewer that only counts: vnc_count HOST:PORT SECONDS [tight|zrle|raw]
 * Asks like TigerVNC on a LAN (Tight with JPEG, quality 8, compression 2), by libvncclient, and asks again as
 * soon as an update is complete. The picture carries a frame number (tests/tools/x11_motion.c): the updates
 * that show a new one count as frames. Prints one line of JSON: {"frames","updates","pixels","seconds"}.
 * `pixels`: painted, in pictures of full size.
 */
#include <glib.h>
#include <rfb/rfbclient.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static guint64 pixels, updates, frames;
static guint32 last_number = G_MAXUINT32;

static void on_rect(rfbClient *client, int x, int y, int w, int h)
{
        (void)client;
        (void)x;
        (void)y;
        pixels += (guint64)w * (guint64)h;
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
        guint32 number = number_of(client);
        if (number != last_number)
                frames++;
        last_number = number;
}

static void quiet(const char *format, ...)
{
        (void)format;
}

int main(int argc, char **argv)
{
        if (argc < 3)
                return 2;
        double seconds = g_ascii_strtod(argv[2], NULL);
        rfbClientLog = quiet;
        rfbClient *client = rfbGetClient(8, 3, 4);
        client->appData.encodingsString = argc > 3 ? argv[3] : "tight copyrect hextile raw";
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
        gint64 start = g_get_monotonic_time();
        double passed = 0;
        while ((passed = (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC) < seconds) {
                int ready = WaitForMessage(client, 100000);
                if (ready < 0 || (ready > 0 && !HandleRFBServerMessage(client))) {
                        fprintf(stderr, "vnc_count: the server closed\n");
                        return 1;
                }
        }
        printf("{\"frames\":%" G_GUINT64_FORMAT ",\"updates\":%" G_GUINT64_FORMAT
               ",\"pixels\":%.2f,\"seconds\":%.3f}\n",
               frames, updates, (double)pixels / ((double)client->width * client->height), passed);
        rfbClientCleanup(client);
        return 0;
}
