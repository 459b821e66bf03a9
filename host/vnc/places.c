#include "host/vnc/places.h"

#include <string.h>

#define EXTENDED_KEY_EVENT (-258)

static const char *const codes[256] = {
        [0x01] = "Escape",
        [0x02] = "Digit1",
        [0x03] = "Digit2",
        [0x04] = "Digit3",
        [0x05] = "Digit4",
        [0x06] = "Digit5",
        [0x07] = "Digit6",
        [0x08] = "Digit7",
        [0x09] = "Digit8",
        [0x0a] = "Digit9",
        [0x0b] = "Digit0",
        [0x0c] = "Minus",
        [0x0d] = "Equal",
        [0x0e] = "Backspace",
        [0x0f] = "Tab",
        [0x10] = "KeyQ",
        [0x11] = "KeyW",
        [0x12] = "KeyE",
        [0x13] = "KeyR",
        [0x14] = "KeyT",
        [0x15] = "KeyY",
        [0x16] = "KeyU",
        [0x17] = "KeyI",
        [0x18] = "KeyO",
        [0x19] = "KeyP",
        [0x1a] = "BracketLeft",
        [0x1b] = "BracketRight",
        [0x1c] = "Enter",
        [0x1d] = "ControlLeft",
        [0x1e] = "KeyA",
        [0x1f] = "KeyS",
        [0x20] = "KeyD",
        [0x21] = "KeyF",
        [0x22] = "KeyG",
        [0x23] = "KeyH",
        [0x24] = "KeyJ",
        [0x25] = "KeyK",
        [0x26] = "KeyL",
        [0x27] = "Semicolon",
        [0x28] = "Quote",
        [0x29] = "Backquote",
        [0x2a] = "ShiftLeft",
        [0x2b] = "Backslash",
        [0x2c] = "KeyZ",
        [0x2d] = "KeyX",
        [0x2e] = "KeyC",
        [0x2f] = "KeyV",
        [0x30] = "KeyB",
        [0x31] = "KeyN",
        [0x32] = "KeyM",
        [0x33] = "Comma",
        [0x34] = "Period",
        [0x35] = "Slash",
        [0x36] = "ShiftRight",
        [0x37] = "NumpadMultiply",
        [0x38] = "AltLeft",
        [0x39] = "Space",
        [0x3a] = "CapsLock",
        [0x3b] = "F1",
        [0x3c] = "F2",
        [0x3d] = "F3",
        [0x3e] = "F4",
        [0x3f] = "F5",
        [0x40] = "F6",
        [0x41] = "F7",
        [0x42] = "F8",
        [0x43] = "F9",
        [0x44] = "F10",
        [0x45] = "NumLock",
        [0x46] = "ScrollLock",
        [0x47] = "Numpad7",
        [0x48] = "Numpad8",
        [0x49] = "Numpad9",
        [0x4a] = "NumpadSubtract",
        [0x4b] = "Numpad4",
        [0x4c] = "Numpad5",
        [0x4d] = "Numpad6",
        [0x4e] = "NumpadAdd",
        [0x4f] = "Numpad1",
        [0x50] = "Numpad2",
        [0x51] = "Numpad3",
        [0x52] = "Numpad0",
        [0x53] = "NumpadDecimal",
        [0x54] = "PrintScreen",
        [0x56] = "IntlBackslash",
        [0x57] = "F11",
        [0x58] = "F12",
        [0x70] = "KanaMode",
        [0x73] = "IntlRo",
        [0x79] = "Convert",
        [0x7b] = "NonConvert",
        [0x7d] = "IntlYen",
        [0x9c] = "NumpadEnter",
        [0x9d] = "ControlRight",
        [0xb5] = "NumpadDivide",
        [0xb7] = "PrintScreen",
        [0xb8] = "AltRight",
        [0xc6] = "Pause",
        [0xc7] = "Home",
        [0xc8] = "ArrowUp",
        [0xc9] = "PageUp",
        [0xcb] = "ArrowLeft",
        [0xcd] = "ArrowRight",
        [0xcf] = "End",
        [0xd0] = "ArrowDown",
        [0xd1] = "PageDown",
        [0xd2] = "Insert",
        [0xd3] = "Delete",
        [0xdb] = "MetaLeft",
        [0xdc] = "MetaRight",
        [0xdd] = "ContextMenu",
};

const char *tb_vnc_place_code(guint32 place)
{
        return place < G_N_ELEMENTS(codes) ? codes[place] : NULL;
}

rfbBool tb_vnc_places_offered(rfbClientPtr client, void **data, int encoding)
{
        (void)data;
        TbVncSlot *slot = client->screen->screenData;
        if (encoding != EXTENDED_KEY_EVENT)
                return FALSE;
        slot->tell_places = !slot->places;
        slot->places = true;
        return TRUE;
}

bool tb_vnc_places_announce(TbVncSlot *slot)
{
        if (!slot->tell_places)
                return true;
        slot->tell_places = false;
        return tb_vnc_slot_say(slot, EXTENDED_KEY_EVENT);
}

static guint32 number_at(const guint8 *bytes)
{
        return (guint32)bytes[0] << 24 | (guint32)bytes[1] << 16 | (guint32)bytes[2] << 8 | bytes[3];
}

bool tb_vnc_places_read(TbVncSlot *slot,
                        void (*event)(bool down, guint32 keysym, guint32 place, TbVncSlot *slot))
{
        guint8 bytes[sz_rfbQemuExtendedKeyEventMsg];
        if (!slot->places)
                return false;
        if (rfbReadExact(slot->client, (char *)bytes, sizeof bytes) <= 0) {
                rfbCloseClient(slot->client);
                return true; /* the socket says so */
        }
        if (bytes[1] != 0) /* sound, and what came after it */
                return false;
        if (!slot->client->viewOnly)
                event((bytes[2] | bytes[3]) != 0, number_at(bytes + 4), number_at(bytes + 8), slot);
        return true;
}
