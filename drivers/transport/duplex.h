#pragma once
/*
 * A console's stream, both ways at once. A peer that echoes (a shell, a looped line, cat) stops reading when nobody takes what
 * it says: whoever only writes then waits for it, and it for them. So while bytes go out, what comes in is handed up
 * (up->bytes). Thread: the worker that owns the instance. Errors: as transport.h.
 */
#include "drivers/driver.h"
#include "drivers/transport/transport.h"

/* For a lane's pump: waits for what `from` says and hands it up. False: the other side is gone. */
bool tb_duplex_pump(TbInstance *self, TbIo *io, TbTransport *from, GError **error);
/* All of it to `to`; `from` may be the same. Ends by the io's deadline only: TIMEOUT says how many bytes were taken, and so does
 * io->taken. */
bool tb_duplex_write(TbInstance *self, TbIo *io, TbTransport *from, TbTransport *to, const void *data,
                     gsize size, GError **error);
