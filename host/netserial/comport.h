#pragma once
/*
 * COM-PORT-OPTION of RFC 2217 §3: what a client asks, as parameters of console.set, and what it is answered.
 * Pure; one thread at a time.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef enum TbComPortCode { /* the client's; an answer is this + 100 */
                             TB_COM_SIGNATURE = 0,
                             TB_COM_BAUD = 1,
                             TB_COM_DATA_BITS = 2,
                             TB_COM_PARITY = 3,
                             TB_COM_STOP_BITS = 4,
                             TB_COM_CONTROL = 5,
                             TB_COM_LINE_STATE = 6,
                             TB_COM_MODEM_STATE = 7,
                             TB_COM_SUSPEND = 8,
                             TB_COM_RESUME = 9,
                             TB_COM_LINE_MASK = 10,
                             TB_COM_MODEM_MASK = 11,
                             TB_COM_PURGE = 12,
} TbComPortCode;
#define TB_COM_ANSWER 100

enum { TB_COM_BREAK_QUERY = 4, TB_COM_BREAK_ON = 5, TB_COM_BREAK_OFF = 6 }; /* values of TB_COM_CONTROL */

/* What the line is set to, as far as we know; a console without a wire agrees to everything. */
typedef struct TbComPort {
        guint32 baud;
        guint8 data_bits, parity, stop_bits; /* parity: 1 none, 2 odd, 3 even, 4 mark, 5 space */
        guint8 flow;                         /* 1 none, 2 XON/XOFF, 3 RTS/CTS */
        bool dtr, rts, breaking;
} TbComPort;

void tb_comport_init(TbComPort *port); /* 115200 8N1, no flow control, DTR and RTS on */
/* The parameters of console.set that a request means; NULL: it changes no setting (a query, or nothing that
 * we can set). New reference. */
json_t *tb_comport_params(guint8 code, const guint8 *value, gsize size);
/* Takes over what `settings` (parameters, or a result of console.set and console.get) names. */
void tb_comport_update(TbComPort *port, const json_t *settings);
/* The value of the answer to a setting or query; its size, 0: no answer. `value`: at least four bytes. */
gsize tb_comport_answer(const TbComPort *port, guint8 code, const guint8 *asked, gsize size,
                        guint8 *ret_value);
/* The byte of NOTIFY-LINESTATE from {"overrun","parity","framing","break"}: how many of each there were. */
guint8 tb_comport_line(const json_t *errors);
/* The byte of NOTIFY-MODEMSTATE from {"cts","dsr","dcd","ri"}; a line that nobody knows counts as on, but for
 * the bell. `before`: for the change bits. */
guint8 tb_comport_modem(const json_t *lines, guint8 before);
