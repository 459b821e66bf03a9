#pragma once
/*
 * A board whose relays belong to several attachments: one line, which the first one opens and the last one closes; one request at a time.
 * A relay belongs to one attachment. Worker threads.
 */
#include "drivers/transport/line.h"

typedef struct TbSerialrelayLine TbSerialrelayLine;

/* The line of `self`'s URI, opened where it is not, for its relay. BUSY: another device has this relay, or has the line with other
 * settings: the error names it. */
TbSerialrelayLine *tb_serialrelay_join(TbLine *self, TbIo *io, int relay, GError **error);
void tb_serialrelay_leave(TbSerialrelayLine *line, TbLine *self); /* NULL is fine */

/* In between the line is ours: requests of others wait. NULL: it does not come in time, or the line is gone. */
TbTransport *tb_serialrelay_enter(TbSerialrelayLine *line, TbIo *io, GError **error);
/* `lost`: it is of no use any more; who enters next is told, and joins anew. */
void tb_serialrelay_exit(TbSerialrelayLine *line, bool lost);
