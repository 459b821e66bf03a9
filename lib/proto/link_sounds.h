#pragma once
/* What is said of a packet of sound that is for several observers (docs/PROTOCOL.md): how many of the last ones server and host remember. */

#define TB_LINK_SOUNDS                                                                                       \
        8 /* packets of 20 ms; a host that was busy sends those of a moment to one observer after the other */
