#include "host/netserial/telnet.h"

#include <string.h>

enum { SE = 240, BRK = 243, SB = 250, WILL = 251, WONT = 252, DO = 253, DONT = 254, IAC = 255 };
enum { TEXT, COMMAND, OPTION, SUB, SUB_COMMAND };

static bool we_can(guint8 option)
{
        return option == TB_TELNET_BINARY || option == TB_TELNET_ECHO || option == TB_TELNET_SGA ||
               option == TB_TELNET_COM_PORT;
}

static bool they_may(guint8 option)
{
        return option == TB_TELNET_BINARY || option == TB_TELNET_SGA || option == TB_TELNET_COM_PORT;
}

static void say(GByteArray *out, guint8 verb, guint8 option)
{
        g_byte_array_append(out, (const guint8[]){IAC, verb, option}, 3);
}

void tb_telnet_init(TbTelnet *telnet, GByteArray *out)
{
        memset(telnet, 0, sizeof *telnet);
        /* What we offer is on until it is refused; so an acceptance of it is not answered again. */
        telnet->us[TB_TELNET_ECHO] = telnet->us[TB_TELNET_SGA] = telnet->us[TB_TELNET_BINARY] = true;
        say(out, WILL, TB_TELNET_ECHO);
        say(out, WILL, TB_TELNET_SGA);
        say(out, WILL, TB_TELNET_BINARY);
        say(out, DO, TB_TELNET_BINARY);
}

/* A request for what is so already is not answered, or two sides could go on for ever. */
static void negotiate(TbTelnet *t, guint8 verb, guint8 option, GByteArray *out)
{
        bool about_us = verb == DO || verb == DONT, wanted = verb == DO || verb == WILL;
        bool *on = about_us ? &t->us[option] : &t->them[option];
        if (wanted && !(about_us ? we_can(option) : they_may(option))) {
                say(out, about_us ? WONT : DONT, option);
                return;
        }
        if (*on == wanted)
                return;
        *on = wanted;
        if (verb == WILL && option == TB_TELNET_BINARY)
                return; /* the answer to our DO */
        say(out, about_us ? (wanted ? WILL : WONT) : (wanted ? DO : DONT), option);
}

static void sub_byte(TbTelnet *t, guint8 byte)
{
        if (t->sub_size < sizeof t->sub)
                t->sub[t->sub_size++] = byte;
        else
                t->overlong = true;
}

static void text_byte(TbTelnet *t, guint8 byte, GByteArray *data)
{
        /* RFC 854: without BINARY a CR that is no end of a line is CR NUL */
        if (!(t->after_cr && byte == 0 && !t->them[TB_TELNET_BINARY]))
                g_byte_array_append(data, &byte, 1);
        t->after_cr = byte == '\r';
}

static void command_byte(TbTelnet *t, guint8 byte, GByteArray *data)
{
        t->state = TEXT;
        if (byte == IAC) {
                text_byte(t, byte, data);
        } else if (byte >= WILL && byte <= DONT) {
                t->verb = byte;
                t->state = OPTION;
        } else if (byte == SB) {
                t->sub_size = 0;
                t->overlong = false;
                t->state = SUB;
        } else if (byte == BRK) {
                t->brk = true;
        } /* else: NOP, AYT, DM …, nothing to do */
}

/* True: the subnegotiation is complete, and ours to understand. */
static bool sub_command_byte(TbTelnet *t, guint8 byte)
{
        t->state = SUB;
        if (byte == IAC)
                sub_byte(t, byte);
        if (byte != SE)
                return false; /* what else stands there is wrong, and skipped */
        t->state = TEXT;
        return t->sub_size > 0 && !t->overlong && t->them[t->sub[0]];
}

bool tb_telnet_read(TbTelnet *t, const guint8 *bytes, gsize size, gsize *ret_used, GByteArray *data,
                    GByteArray *out)
{
        for (gsize i = 0; i < size; i++) {
                guint8 byte = bytes[i];
                switch (t->state) {
                case TEXT:
                        if (byte == IAC)
                                t->state = COMMAND;
                        else
                                text_byte(t, byte, data);
                        break;
                case COMMAND:
                        command_byte(t, byte, data);
                        if (!t->brk)
                                break;
                        *ret_used = i + 1;
                        return true;
                case OPTION:
                        t->state = TEXT;
                        negotiate(t, t->verb, byte, out);
                        break;
                case SUB:
                        if (byte == IAC)
                                t->state = SUB_COMMAND;
                        else
                                sub_byte(t, byte);
                        break;
                case SUB_COMMAND:
                        if (sub_command_byte(t, byte)) {
                                *ret_used = i + 1;
                                return true;
                        }
                        break;
                default: g_assert_not_reached();
                }
        }
        *ret_used = size;
        return false;
}

void tb_telnet_write(GByteArray *out, const guint8 *bytes, gsize size)
{
        while (size > 0) {
                const guint8 *iac = memchr(bytes, IAC, size);
                gsize n = iac ? (gsize)(iac - bytes) + 1 : size;
                g_byte_array_append(out, bytes, (guint)n);
                if (iac)
                        g_byte_array_append(out, iac, 1);
                bytes += n;
                size -= n;
        }
}

void tb_telnet_write_sub(GByteArray *out, guint8 option, guint8 code, const guint8 *value, gsize size)
{
        g_byte_array_append(out, (const guint8[]){IAC, SB, option, code}, 4);
        tb_telnet_write(out, value, size);
        g_byte_array_append(out, (const guint8[]){IAC, SE}, 2);
}
