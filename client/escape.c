#include "client/escape.h"

#include <string.h>

#include "lib/error.h"

#define HELD 64 /* bytes: a longer sequence is no question */

bool tb_cli_escape_parse(const char *text, TbCliEscape *ret, GError **error)
{
        *ret = (TbCliEscape){.key = -1};
        if (strcmp(text, "none") == 0)
                return true;
        int c = text[0] == '^' && text[1] && !text[2] ? g_ascii_toupper(text[1]) : 0;
        if (c < 'A' || c > '_') {
                tb_set_error(error, TB_ERROR_INVALID,
                             "--escape %s: a control key is meant, ^A to ^_ (^] is usual), or none", text);
                return false;
        }
        ret->key = c & 0x1f;
        return true;
}

TbCliKey tb_cli_escape_feed(TbCliEscape *e, guint8 byte)
{
        if (!e->open) {
                e->open = e->key >= 0 && byte == e->key;
                return e->open ? TB_CLI_KEY_MENU : TB_CLI_KEY_SEND;
        }
        e->open = false;
        if (byte == e->key)
                return TB_CLI_KEY_SEND;
        switch (g_ascii_tolower((char)byte)) {
        case 'p': return TB_CLI_KEY_POWER;
        case 'b': return TB_CLI_KEY_BREAK;
        case 'l': return TB_CLI_KEY_LOG;
        case 'q':
        case '.': return TB_CLI_KEY_QUIT;
        case '?':
        case 'h': e->open = true; return TB_CLI_KEY_HELP;
        default: return TB_CLI_KEY_BACK;
        }
}

char *tb_cli_escape_name(const TbCliEscape *e)
{
        return e->key < 0 ? g_strdup("none") : g_strdup_printf("Ctrl-%c", e->key | 0x40);
}

void tb_cli_replay_init(TbCliReplay *r)
{
        r->held = g_byte_array_new();
}

void tb_cli_replay_clear(TbCliReplay *r)
{
        g_clear_pointer(&r->held, g_byte_array_unref);
}

typedef enum Sequence { PART, WHOLE, QUESTION } Sequence;

/* Of ESC and what came behind it: CSI … n (DSR), CSI … c (DA), ESC Z; OSC and DCS with a "?" or "+q" in it. */
static Sequence judge(const guint8 *b, gsize n)
{
        if (n < 2)
                return PART;
        if (b[1] == 'Z')
                return QUESTION;
        if (b[1] == '[') {
                if (n == 2 || b[n - 1] < 0x40)
                        return PART;
                return b[n - 1] == 'n' || b[n - 1] == 'c' ? QUESTION : WHOLE;
        }
        if (b[1] != ']' && b[1] != 'P')
                return WHOLE;
        bool ended = b[n - 1] == 7 || (n > 3 && b[n - 2] == 033 && b[n - 1] == '\\');
        if (!ended)
                return PART;
        return memchr(b, '?', n) || (b[1] == 'P' && (memchr(b, 'q', n) != NULL)) ? QUESTION : WHOLE;
}

void tb_cli_replay_end(TbCliReplay *r, GByteArray *out)
{
        g_byte_array_append(out, r->held->data, r->held->len);
        g_byte_array_set_size(r->held, 0);
}

void tb_cli_replay_feed(TbCliReplay *r, const guint8 *bytes, gsize n, GByteArray *out)
{
        for (; n > 0; bytes++, n--) {
                if (r->held->len == 0 && *bytes != 033) {
                        if (*bytes != 5) /* ENQ */
                                g_byte_array_append(out, bytes, 1);
                        continue;
                }
                g_byte_array_append(r->held, bytes, 1);
                Sequence is = judge(r->held->data, r->held->len);
                if (is == QUESTION)
                        g_byte_array_set_size(r->held, 0);
                else if (is == WHOLE || r->held->len > HELD)
                        tb_cli_replay_end(r, out);
        }
}
