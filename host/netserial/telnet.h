#pragma once
/*
 * Telnet as far as RFC 2217 needs it (RFC 854; options as in RFC 1143, a side that says no is believed):
 * bytes of the wire in; data, subnegotiations and our answers out. Pure; one thread at a time.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_TELNET_BINARY 0    /* option, RFC 856 */
#define TB_TELNET_ECHO 1      /* RFC 857: without it people's telnet echoes, too */
#define TB_TELNET_SGA 3       /* RFC 858 */
#define TB_TELNET_COM_PORT 44 /* RFC 2217 */
#define TB_TELNET_SUB 256     /* bytes of a subnegotiation; a longer one is ignored as a whole */

typedef struct TbTelnet {
        int state;                 /* private */
        guint8 verb;               /* private: of the option that comes next */
        bool us[256], them[256];   /* options that are on */
        bool after_cr;             /* private */
        bool overlong;             /* private */
        bool brk;                  /* IAC BRK has come: the reader's to clear */
        guint8 sub[TB_TELNET_SUB]; /* option, then its bytes without the doubling of IAC */
        gsize sub_size;
} TbTelnet;

/* Begins, and appends what we offer and ask for to `out`. */
void tb_telnet_init(TbTelnet *telnet, GByteArray *out);
/* Reads `bytes`: data goes to `data`, answers go to `out`. True: a subnegotiation of an option that is on has
 * ended, it stands in `sub`, or `brk` was set, and reading stopped behind it (*ret_used). False: all was read. */
bool tb_telnet_read(TbTelnet *telnet, const guint8 *bytes, gsize size, gsize *ret_used, GByteArray *data,
                    GByteArray *out);
/* Data for the wire. */
void tb_telnet_write(GByteArray *out, const guint8 *bytes, gsize size);
/* IAC SB option code value IAC SE */
void tb_telnet_write_sub(GByteArray *out, guint8 option, guint8 code, const guint8 *value, gsize size);
