#include "host/vnc/tight.h"

#include <glib.h>
#include <rfb/rfbregion.h>
#include <string.h>

#define STRIP_PIXELS 65536 /* maxRectSize and maxRectWidth of libvncserver's tight.c */
#define STRIP_WIDTH 2048
#define BLOCK 16 /* rows of a JPEG block where colours are subsampled; 8 where not */

int tb_vnc_tight_rows(int width)
{
        return STRIP_PIXELS / CLAMP(width, 1, STRIP_WIDTH) / BLOCK * BLOCK;
}

/* Nothing but pixels is to be told, in Tight with JPEG, and their rectangles need not be counted before. */
static bool only_pixels(rfbClientPtr client)
{
        return client->preferredEncoding == rfbEncodingTight && client->enableLastRectEncoding &&
               client->turboQualityLevel >= 0 && !client->newFBSizePending &&
               client->screen == client->scaledScreen && client->enableCursorShapeUpdates &&
               !client->cursorWasChanged && !(client->enableCursorPosUpdates && client->cursorWasMoved) &&
               !client->enableSupportedMessages && !client->enableSupportedEncodings &&
               !client->enableServerIdentity && sraRgnEmpty(client->copyRegion);
}

static bool send_rect(rfbClientPtr client, sraRect rect)
{
        int rows = tb_vnc_tight_rows(rect.x2 - rect.x1);
        for (int y = rect.y1; y < rect.y2; y += rows)
                if (!rfbSendRectEncodingTight(client, rect.x1, y, rect.x2 - rect.x1, MIN(rows, rect.y2 - y)))
                        return false;
        return true;
}

bool tb_vnc_tight_update(rfbClientPtr client, bool *ret_ok)
{
        if (!only_pixels(client))
                return false;
        sraRegionPtr region = sraRgnCreateRgn(client->modifiedRegion);
        if (!sraRgnAnd(region, client->requestedRegion)) {
                sraRgnDestroy(region);
                return false;
        }
        sraRgnSubtract(client->modifiedRegion, region);
        sraRgnMakeEmpty(client->requestedRegion);

        rfbFramebufferUpdateMsg head = {.type = rfbFramebufferUpdate, .nRects = 0xFFFF}; /* until LastRect */
        memcpy(client->updateBuf, &head, sz_rfbFramebufferUpdateMsg);
        client->ublen = sz_rfbFramebufferUpdateMsg;
        bool ok = true;
        sraRect rect;
        sraRectangleIterator *i = sraRgnGetIterator(region);
        while (ok && sraRgnIteratorNext(i, &rect))
                ok = send_rect(client, rect);
        sraRgnReleaseIterator(i);
        sraRgnDestroy(region);
        *ret_ok = ok && rfbSendLastRectMarker(client) && rfbSendUpdateBuf(client);
        return true;
}
