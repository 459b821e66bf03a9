#include "host/vnc/buttons.h"

#define EXTENDED_MOUSE_BUTTONS (-316)
#define EXTENDED 0x80 /* in the mask: a byte of the higher ones follows */
#define LOWER_BITS 7

rfbBool tb_vnc_buttons_offered(rfbClientPtr client, void **data, int encoding)
{
        (void)data;
        TbVncSlot *slot = client->screen->screenData;
        if (encoding != EXTENDED_MOUSE_BUTTONS)
                return FALSE;
        slot->tell_buttons = !slot->buttons;
        slot->buttons = true;
        return TRUE;
}

bool tb_vnc_buttons_announce(TbVncSlot *slot)
{
        if (!slot->tell_buttons)
                return true;
        slot->tell_buttons = false;
        return tb_vnc_slot_say(slot, EXTENDED_MOUSE_BUTTONS);
}

static bool read_exact(TbVncSlot *slot, guint8 *bytes, int size)
{
        if (rfbReadExact(slot->client, (char *)bytes, size) > 0)
                return true;
        rfbCloseClient(slot->client);
        return false;
}

bool tb_vnc_buttons_read(TbVncSlot *slot, void (*event)(int mask, int x, int y, rfbClientPtr client))
{
        if (!slot->buttons)
                return false;
        guint8 bytes[sz_rfbPointerEventMsg], more = 0;
        if (!read_exact(slot, bytes, sizeof bytes))
                return true;
        int mask = bytes[1];
        if (mask & EXTENDED) {
                if (!read_exact(slot, &more, 1))
                        return true;
                mask = (mask & ~EXTENDED) | more << LOWER_BITS;
        }
        if (!slot->client->viewOnly)
                event(mask, bytes[2] << 8 | bytes[3], bytes[4] << 8 | bytes[5], slot->client);
        return true;
}
