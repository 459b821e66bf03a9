#pragma once
/*
 * A line: the bytes between us and a relay, a PDU, a modem, a receiver, whatever carries them. The attach URI
 * says what does; a driver is the same for all of them:
 *
 *      foo://10.0.0.7:4000                 TCP (a terminal server's raw port, too)
 *      foo:///run/foo.sock                 a UNIX socket
 *      foo:///dev/ttyUSB0?baud=9600        a serial line (tty.h), when its table has TB_TTY_PARAMS
 *      foo://1-1.4?baud=9600               the serial adapter at this USB port
 *      foo://?usb=0403:6001&baud=9600      the one that is so (usbrule.h)
 *
 *      static const TbParam params[] = {TB_LINE_PARAMS, TB_TTY_PARAMS("9600"), …, TB_PARAM_END};
 *      {.size = sizeof(TbLine), .open = tb_line_open, .close = tb_line_close, .pump = tb_line_pump, …}
 *
 * Thread: the lane's worker. A lane with more state has a struct that begins with TbLine.
 */
#include "drivers/driver.h"
#include "drivers/transport/transport.h"
#include "drivers/transport/tty_settings.h"

typedef struct TbLine {
        TbInstance base;
        TbTransport *link; /* owned; NULL: closed */
} TbLine;

/* The row that every such driver has in its table of parameters. */
#define TB_LINE_PARAMS                                                                                       \
        {                                                                                                    \
                .name = "connect_ms", .type = TB_PARAM_INT, .min = 100, .max = 30000, .fallback = "5000",    \
                .unit = "ms", .help = "how long to wait for the other side"                                  \
        }

/* For TbDriver.check. Pure: what stands at a path is looked at when it is opened. */
bool tb_line_check(const TbUri *uri, json_t *params, GError **error);
/* TbLane.open, .close. */
bool tb_line_open(TbInstance *self, TbIo *io, GError **error);
void tb_line_close(TbInstance *self);
/* TbLane.pump of a device that speaks when it is asked only: the end of the line is noticed before somebody needs it; what
 * comes unasked is dropped. */
bool tb_line_pump(TbInstance *self, TbIo *io, GError **error);
/*
 * One request (with the end that the device wants) and its one line of answer, of at most TB_LIMIT_LINE bytes,
 * without its end; the caller frees. What came before is dropped. An answer that does not come in time could
 * be taken for the next request's: the line is closed then, and opened anew by core.
 */
char *tb_line_ask(TbLine *line, TbIo *io, const char *request, int timeout_ms, GError **error);
