#pragma once
/*
 * A phone's name at the adb server and its attach URI, both ways. Serial numbers are taken as the server gives them: with blanks, slashes
 * or colons, as a network address, none at all, or one that two phones have; the last two are named by their USB port.
 * Source: AOSP packages/modules/adb, transport.cpp (append_transport, atransport::MatchesTarget).
 */
#include "drivers/adb/adb_proto.h"
#include "drivers/driver.h"

/* The URI that attaches `device` of the server's list; NULL: it cannot be told from another one. Pure. Owned. */
char *tb_adb_uri(const GPtrArray *devices, const TbAdbDevice *device);
/* Whether a URI and its parameters name a phone: INVALID with the field. Pure. */
bool tb_adb_check_serial(const TbUri *uri, json_t *params, GError **error);
/* What the server calls the phone of a URI ("0A1B2C3D", "10.0.0.7:5555", "[fe80::1]:5555", "usb:1-1.4"). With `usb` it is looked for now:
 * GONE where none is there. Owned. */
char *tb_adb_serial(const TbUri *uri, json_t *params, GError **error);
bool tb_adb_is(const TbAdbDevice *device, const char *serial);
