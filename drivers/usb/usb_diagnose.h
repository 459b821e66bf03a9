#pragma once
/*
 * What a person would say of how a device hangs on the bus: slower than it could be, or on a line that it shares with others who
 * need much of it. Pure: reads and adds to what usb_tree.h made. Sources: USB 2.0 §5.6 (isochronous transfers have a reserved share),
 * USB 3.2 §3.1; what cameras and sound cards ask for is reserved, disks take what is left.
 */
#include <jansson.h>

/* Adds "diagnosis": [texts] to each device of a bus of GET /host/usb ({"ports": [{"device"}…], …}) of whom there is something to say. */
void tb_usb_diagnose(json_t *bus);
